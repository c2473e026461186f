"""Keys of organisations, and what they sign

Revision: 0020, after 0019
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey, Json, NullableJson, UtcDateTime

revision = '0020'
down_revision = '0019'


def upgrade() -> None:
    op.create_table(
        'provider_key',
        sa.Column('pk', BigKey, autoincrement=True, nullable=False),
        sa.Column('provider_pk', BigKey, nullable=False),
        sa.Column('kid', sa.String(length=64), nullable=False),
        sa.Column('jwk', Json, nullable=False),
        sa.Column('created_at', UtcDateTime(), nullable=False),
        sa.Column('retired_at', UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_provider_key_provider_pk_provider')),
        sa.PrimaryKeyConstraint('pk', name=op.f('pk_provider_key')),
        sa.UniqueConstraint('provider_pk', 'kid', name=op.f('uq_provider_key_provider_pk_kid')),
    )
    op.create_table(
        'draft_signature',
        sa.Column('record_pk', BigKey, nullable=False),
        sa.Column('provider_pk', BigKey, nullable=False),
        sa.Column('key_pk', BigKey, nullable=False),
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('jws', sa.Text(), nullable=False),
        sa.Column('at', UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['key_pk'], ['provider_key.pk'], name=op.f('fk_draft_signature_key_pk_provider_key')),
        sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_draft_signature_provider_pk_provider')),
        sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_draft_signature_record_pk_record')),
        sa.PrimaryKeyConstraint('record_pk', 'provider_pk', name=op.f('pk_draft_signature')),
    )
    with op.batch_alter_table('draft_signature', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_draft_signature_provider_pk'), ['provider_pk'], unique=False)
    op.create_table(
        'version_signature',
        sa.Column('pk', BigKey, autoincrement=True, nullable=False),
        sa.Column('version_pk', BigKey, nullable=False),
        sa.Column('provider', sa.String(length=64), nullable=True),
        sa.Column('domain', sa.String(length=253), nullable=True),
        sa.Column('kid', sa.String(length=128), nullable=False),
        sa.Column('jwk', NullableJson, nullable=True),
        sa.Column('jws', sa.Text(), nullable=False),
        sa.Column('at', UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(['version_pk'], ['version.pk'], name=op.f('fk_version_signature_version_pk_version')),
        sa.PrimaryKeyConstraint('pk', name=op.f('pk_version_signature')),
    )
    with op.batch_alter_table('version_signature', schema=None) as batch_op:
        batch_op.create_index('ix_version_signature_version', ['version_pk'], unique=False)


def downgrade() -> None:
    op.drop_table('version_signature')
    op.drop_table('draft_signature')
    op.drop_table('provider_key')
