"""Searches that members keep

Revision: 0026, after 0025
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey, UtcDateTime

revision = '0026'
down_revision = '0025'


def upgrade() -> None:
    op.create_table(
        'saved_search',
        sa.Column('pk', BigKey, autoincrement=True, nullable=False),
        sa.Column('id', sa.String(length=16), nullable=False),
        sa.Column('provider_pk', BigKey, nullable=True),
        sa.Column('person_pk', BigKey, nullable=True),
        sa.Column('name', sa.String(length=120), nullable=False),
        sa.Column('question', sa.Text(), nullable=False),
        sa.Column('created_at', UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['person_pk'], ['person.pk'], name=op.f('fk_saved_search_person_pk_person')),
        sa.ForeignKeyConstraint(
            ['provider_pk'], ['provider.pk'], name=op.f('fk_saved_search_provider_pk_provider')
        ),
        sa.PrimaryKeyConstraint('pk', name=op.f('pk_saved_search')),
        sa.UniqueConstraint('id', name=op.f('uq_saved_search_id')),
    )
    op.create_index(op.f('ix_saved_search_person_pk'), 'saved_search', ['person_pk'])
    op.create_index(op.f('ix_saved_search_provider_pk'), 'saved_search', ['provider_pk'])


def downgrade() -> None:
    op.drop_table('saved_search')
