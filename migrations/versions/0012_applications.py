"""Applications, and what was decided on an organisation

Revision: 0012, after 0011
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.db import UtcDateTime

revision = '0012'
down_revision = '0011'


def upgrade() -> None:
    with op.batch_alter_table('provider', schema=None) as batch_op:
        batch_op.add_column(sa.Column('approved_at', UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('decided_at', UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('reason', sa.String(length=500), nullable=True))
    # Who was shown before is shown still.
    op.execute("UPDATE provider SET approved_at = created_at WHERE state IN ('approved', 'suspended', 'closed')")
    op.create_table('application',
    sa.Column('provider_pk', BigKey, autoincrement=False, nullable=False),
    sa.Column('wished', sa.String(length=64), nullable=False),
    sa.Column('note', sa.String(length=2000), nullable=True),
    sa.Column('sender', sa.String(length=64), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_application_provider_pk_provider')),
    sa.PrimaryKeyConstraint('provider_pk', name=op.f('pk_application'))
    )
    with op.batch_alter_table('application', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_application_sender'), ['sender'], unique=False)


def downgrade() -> None:
    op.drop_table('application')
    with op.batch_alter_table('provider', schema=None) as batch_op:
        for column in ('reason', 'decided_at', 'approved_at'):
            batch_op.drop_column(column)
