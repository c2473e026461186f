"""Up to which response an organisation has seen what was said to its records

Revision: 0016, after 0015
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.db import UtcDateTime

revision = '0016'
down_revision = '0015'


def upgrade() -> None:
    op.create_table('responses_seen',
    sa.Column('record_pk', BigKey, nullable=False),
    sa.Column('up_to', sa.BigInteger(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_responses_seen_record_pk_record')),
    sa.PrimaryKeyConstraint('record_pk', name=op.f('pk_responses_seen'))
    )


def downgrade() -> None:
    op.drop_table('responses_seen')
