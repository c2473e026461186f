"""What was cosigned of the logs that are followed

Revision: 0021, after 0020
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey, UtcDateTime

revision = '0021'
down_revision = '0020'


def upgrade() -> None:
    op.create_table(
        'witnessed_head',
        sa.Column('log_pk', BigKey, autoincrement=False, nullable=False),
        sa.Column('note', sa.LargeBinary(), nullable=False),
        sa.Column('size', sa.BigInteger(), nullable=False),
        sa.Column('at', UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['log_pk'], ['peer.log_pk'], name=op.f('fk_witnessed_head_log_pk_peer')),
        sa.PrimaryKeyConstraint('log_pk', name=op.f('pk_witnessed_head')),
    )


def downgrade() -> None:
    op.drop_table('witnessed_head')
