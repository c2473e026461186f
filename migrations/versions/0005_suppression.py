"""Records that an order withholds

Revision: 0005, after 0004
"""

import sqlalchemy as sa
from alembic import op
from registry.db import UtcDateTime

revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.add_column(sa.Column('suppressed', sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column('suppressed_at', UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.drop_column('suppressed_at')
        batch_op.drop_column('suppressed')
