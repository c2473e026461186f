"""What an organisation tells when it joins, and whether it is held

Revision: 0003, after 0002
"""

import sqlalchemy as sa
from alembic import op
from registry.db import UtcDateTime

revision = '0003'
down_revision = '0002'


def upgrade() -> None:
    with op.batch_alter_table('provider', schema=None) as batch_op:
        batch_op.add_column(sa.Column('kind', sa.String(length=16), nullable=False, server_default='organisation'))
        batch_op.add_column(sa.Column('usage_policy', sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column('contact', sa.String(length=320), nullable=True))
        batch_op.add_column(sa.Column('four_eyes', sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column('held_at', UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('hold_reason', sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column('applied_as', sa.String(length=64), nullable=True))
        batch_op.create_unique_constraint(batch_op.f('uq_provider_applied_as'), ['applied_as'])
    with op.batch_alter_table('provider', schema=None) as batch_op:
        # Only the rows that are there needed them: from now on the program says it.
        batch_op.alter_column('kind', server_default=None)
        batch_op.alter_column('four_eyes', server_default=None)


def downgrade() -> None:
    with op.batch_alter_table('provider', schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f('uq_provider_applied_as'), type_='unique')
        for column in ('applied_as', 'hold_reason', 'held_at', 'four_eyes', 'contact', 'usage_policy', 'kind'):
            batch_op.drop_column(column)
