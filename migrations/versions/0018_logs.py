"""The logs that are kept, and records that nobody here owns

Revision: 0018, after 0017
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey

revision = '0018'
down_revision = '0017'


def upgrade() -> None:
    op.create_table(
        'log',
        sa.Column('pk', BigKey, autoincrement=True, nullable=False),
        sa.Column('origin', sa.String(length=255), nullable=False),
        sa.Column('size', sa.BigInteger(), nullable=False),
        sa.Column('frontier', sa.LargeBinary(), nullable=False),
        sa.Column('published', sa.BigInteger(), nullable=False),
        sa.Column('checkpoint', sa.LargeBinary(), nullable=True),
        sa.Column('position', sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint('pk', name=op.f('pk_log')),
        sa.UniqueConstraint('origin', name=op.f('uq_log_origin')),
    )
    op.create_table(
        'log_entry',
        sa.Column('log_pk', BigKey, nullable=False),
        sa.Column('idx', sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column('hash', sa.LargeBinary(), nullable=False),
        sa.Column('entry', sa.LargeBinary(), nullable=False),
        sa.Column('record_id', sa.String(length=64), nullable=True),
        sa.Column('version', sa.Integer(), nullable=True),
        sa.Column('erased', sa.BigInteger(), nullable=True),
        sa.Column('seq', sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(['log_pk'], ['log.pk'], name=op.f('fk_log_entry_log_pk_log')),
        sa.PrimaryKeyConstraint('log_pk', 'idx', name=op.f('pk_log_entry')),
    )
    op.create_index('ix_log_entry_record', 'log_entry', ['record_id', 'version', 'log_pk'])
    op.create_table(
        'log_file',
        sa.Column('path', sa.String(length=255), nullable=False),
        sa.Column('body', sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint('path', name=op.f('pk_log_file')),
    )
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.alter_column('provider_pk', existing_type=sa.BigInteger(), nullable=True)


def downgrade() -> None:
    # What was copied from other registries has no owner here: it is copied again after the next upgrade.
    mirrored = 'record_pk IN (SELECT pk FROM record WHERE provider_pk IS NULL)'
    for table in ('record_tag', 'record_provider', 'record_link', 'responses_seen', 'version'):
        op.execute(f'DELETE FROM {table} WHERE {mirrored}')
    op.execute('DELETE FROM record WHERE provider_pk IS NULL')
    with op.batch_alter_table('record', schema=None) as batch_op:
        batch_op.alter_column('provider_pk', existing_type=sa.BigInteger(), nullable=False)
    op.drop_table('log_file')
    op.drop_index('ix_log_entry_record', table_name='log_entry')
    op.drop_table('log_entry')
    op.drop_table('log')
