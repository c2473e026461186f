"""Review, schedules, invitations, quotas, and every organisation that a record shows

Revision: 0009, after 0008
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.db import Json
from registry.db import UtcDateTime

revision = '0009'
down_revision = '0008'


def upgrade() -> None:
    op.create_table('invitation',
    sa.Column('record_pk', BigKey, nullable=False),
    sa.Column('provider_pk', BigKey, nullable=False),
    sa.Column('position', sa.Integer(), nullable=False),
    sa.Column('invited', sa.Boolean(), nullable=False),
    sa.Column('member', sa.Boolean(), nullable=False),
    sa.Column('invited_at', UtcDateTime(), nullable=False),
    sa.Column('digest', sa.String(length=64), nullable=True),
    sa.Column('approved_by', sa.String(length=400), nullable=True),
    sa.Column('approved_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_invitation_provider_pk_provider')),
    sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_invitation_record_pk_record')),
    sa.PrimaryKeyConstraint('record_pk', 'provider_pk', name=op.f('pk_invitation'))
    )
    with op.batch_alter_table('invitation', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_invitation_provider_pk'), ['provider_pk'], unique=False)

    op.create_table('draft_quota',
    sa.Column('provider_pk', BigKey, nullable=False),
    sa.Column('day', sa.String(length=10), nullable=False),
    sa.Column('used', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_draft_quota_provider_pk_provider')),
    sa.PrimaryKeyConstraint('provider_pk', 'day', name=op.f('pk_draft_quota'))
    )

    op.create_table('record_provider',
    sa.Column('record_pk', BigKey, nullable=False),
    sa.Column('slug', sa.String(length=64), nullable=False),
    sa.Column('first_seq', sa.BigInteger(), nullable=False),
    sa.Column('last_seq', sa.BigInteger(), nullable=False),
    sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_record_provider_record_pk_record')),
    sa.PrimaryKeyConstraint('record_pk', 'slug', name=op.f('pk_record_provider'))
    )
    with op.batch_alter_table('record_provider', schema=None) as batch_op:
        batch_op.create_index('ix_record_provider_slug_first', ['slug', 'first_seq'], unique=False)
        batch_op.create_index('ix_record_provider_slug_last', ['slug', 'last_seq'], unique=False)
    op.execute("""INSERT INTO record_provider (record_pk, slug, first_seq, last_seq)
        SELECT pk, shown_provider, first_seq, last_seq FROM record
        WHERE shown_provider IS NOT NULL AND current > 0""")
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.drop_index('ix_record_provider_first')
        batch_op.drop_index('ix_record_provider_last')

    with op.batch_alter_table('draft', schema=None) as batch_op:
        batch_op.add_column(sa.Column('authors', Json, nullable=False, server_default='[]'))
        batch_op.add_column(sa.Column('approved_by', sa.String(length=400), nullable=True))
        batch_op.add_column(sa.Column('comments', Json, nullable=False, server_default='[]'))
        batch_op.add_column(sa.Column('trail', Json, nullable=False, server_default='[]'))
        batch_op.add_column(sa.Column('due_at', UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column('together', Json, nullable=False, server_default='[]'))
        batch_op.add_column(sa.Column('scheduled_by', sa.String(length=400), nullable=True))
        batch_op.add_column(sa.Column('missed', Json, nullable=True))
        batch_op.create_index('ix_draft_due_at', ['due_at'], unique=False)
    with op.batch_alter_table('draft', schema=None) as batch_op:
        # Only the rows that are there needed them: from now on the program says it.
        for column in ('authors', 'comments', 'trail', 'together'):
            batch_op.alter_column(column, server_default=None)
    # Names of clients hold nothing that JSON would escape.
    build = 'jsonb_build_array' if op.get_bind().dialect.name == 'postgresql' else 'json_array'
    op.execute(f'UPDATE draft SET authors = {build}(author)')


def downgrade() -> None:
    with op.batch_alter_table('draft', schema=None) as batch_op:
        batch_op.drop_index('ix_draft_due_at')
        for column in (
            'missed', 'scheduled_by', 'together', 'due_at', 'trail', 'comments', 'approved_by', 'authors',
        ):
            batch_op.drop_column(column)
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.create_index('ix_record_provider_first', ['listed', 'shown_provider', 'first_seq'], unique=False)
        batch_op.create_index('ix_record_provider_last', ['shown_provider', 'last_seq'], unique=False)
    op.drop_table('record_provider')
    op.drop_table('draft_quota')
    op.drop_table('invitation')
