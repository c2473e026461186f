"""The audit trail, which nothing may change, and answers kept for repeated requests

Revision: 0002, after 0001
"""

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.db import Json
from registry.db import UtcDateTime

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    op.create_table('audit',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.Column('actor', sa.String(length=400), nullable=False),
    sa.Column('actor_provider', sa.String(length=64), nullable=True),
    sa.Column('provider_pk', BigKey, nullable=True),
    sa.Column('topic', sa.String(length=32), nullable=False),
    sa.Column('action', sa.String(length=32), nullable=False),
    sa.Column('subject', sa.String(length=400), nullable=False),
    sa.Column('version', sa.String(length=16), nullable=True),
    sa.Column('commit', sa.String(length=64), nullable=True),
    sa.Column('address', sa.String(length=64), nullable=True),
    sa.Column('request', sa.String(length=64), nullable=True),
    sa.Column('detail', Json, nullable=False),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_audit_provider_pk_provider')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_audit')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('audit', schema=None) as batch_op:
        batch_op.create_index('ix_audit_provider', ['provider_pk', 'pk'], unique=False)
        batch_op.create_index('ix_audit_subject', ['topic', 'subject'], unique=False)
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("""CREATE FUNCTION audit_stays() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE EXCEPTION 'the audit trail is append-only'; END $$""")
        op.execute("""CREATE TRIGGER audit_stays BEFORE UPDATE OR DELETE ON audit
            FOR EACH ROW EXECUTE FUNCTION audit_stays()""")
    else:
        for verb in ('UPDATE', 'DELETE'):
            op.execute(f"""CREATE TRIGGER audit_stays_{verb.lower()} BEFORE {verb} ON audit
                BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""")

    op.create_table('replay',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('asked', sa.String(length=64), nullable=False),
    sa.Column('answer', sa.LargeBinary(), nullable=False),
    sa.Column('at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_replay'))
    )
    with op.batch_alter_table('replay', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_replay_at'), ['at'], unique=False)


def downgrade() -> None:
    op.drop_table('replay')
    op.drop_table('audit')
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('DROP FUNCTION audit_stays()')
