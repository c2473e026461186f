"""Records of which only the commitments are left

Revision: 0017, after 0016
"""

import sqlalchemy as sa
from alembic import op
from registry.db import UtcDateTime

revision = '0017'
down_revision = '0016'


def upgrade() -> None:
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.add_column(sa.Column('erased', sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column('erased_at', UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.drop_column('erased_at')
        batch_op.drop_column('erased')
