"""Records that a reader of the log could not deal with

Revision: 0025, after 0024
"""

import sqlalchemy as sa
from alembic import op

from registry.db import UtcDateTime

revision = '0025'
down_revision = '0024'


def upgrade() -> None:
    op.create_table(
        'set_aside',
        sa.Column('reader', sa.String(length=64), nullable=False),
        sa.Column('origin', sa.String(length=255), nullable=False),
        sa.Column('subject', sa.String(length=255), nullable=False),
        sa.Column('reason', sa.String(), nullable=False),
        sa.Column('since', UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint('reader', 'origin', 'subject', name=op.f('pk_set_aside')),
    )


def downgrade() -> None:
    op.drop_table('set_aside')
