"""Sharing groups and who belongs to them

Revision: 0004, after 0003
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.db import UtcDateTime

revision = '0004'
down_revision = '0003'


def upgrade() -> None:
    op.create_table('sharing_group',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('slug', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('owner_pk', BigKey, nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('closed_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['owner_pk'], ['provider.pk'], name=op.f('fk_sharing_group_owner_pk_provider')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_sharing_group')),
    sa.UniqueConstraint('slug', name=op.f('uq_sharing_group_slug'))
    )
    with op.batch_alter_table('sharing_group', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_sharing_group_owner_pk'), ['owner_pk'], unique=False)

    op.create_table('group_member',
    sa.Column('group_pk', BigKey, nullable=False),
    sa.Column('provider_pk', BigKey, nullable=False),
    sa.Column('state', sa.String(length=16), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['group_pk'], ['sharing_group.pk'], name=op.f('fk_group_member_group_pk_sharing_group')),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_group_member_provider_pk_provider')),
    sa.PrimaryKeyConstraint('group_pk', 'provider_pk', name=op.f('pk_group_member'))
    )
    with op.batch_alter_table('group_member', schema=None) as batch_op:
        batch_op.create_index('ix_group_member_provider', ['provider_pk', 'state'], unique=False)


def downgrade() -> None:
    op.drop_table('group_member')
    op.drop_table('sharing_group')
