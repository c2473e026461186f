"""Marks of what drafts hold that were handed in, and of the names of records that are not public

Revision: 0023, after 0022
"""

import sqlalchemy as sa
from alembic import op

revision = '0023'
down_revision = '0022'


def upgrade() -> None:
    with op.batch_alter_table('indicator_mark') as batch:
        batch.add_column(sa.Column('draft', sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table('indicator_mark') as batch:
        batch.alter_column('draft', server_default=None)


def downgrade() -> None:
    op.execute(sa.text('DELETE FROM indicator_mark WHERE draft'))
    with op.batch_alter_table('indicator_mark') as batch:
        batch.drop_column('draft')
