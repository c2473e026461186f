"""People with their roles and sessions, several secrets and keys for a client, tokens for several purposes

Revision: 0007, after 0006
"""

import secrets

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.db import Json
from registry.db import UtcDateTime

revision = '0007'
down_revision = '0006'


def upgrade() -> None:
    op.create_table('person',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=True),
    sa.Column('steward', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('totp_sealed', sa.LargeBinary(), nullable=True),
    sa.Column('totp_confirmed_at', UtcDateTime(), nullable=True),
    sa.Column('totp_step', sa.Integer(), nullable=True),
    sa.Column('recovery', Json, nullable=False),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_person')),
    sa.UniqueConstraint('email', name=op.f('uq_person_email'))
    )
    op.create_table('visit',
    sa.Column('key_hash', sa.String(length=64), nullable=False),
    sa.Column('kept', Json, nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.PrimaryKeyConstraint('key_hash', name=op.f('pk_visit'))
    )
    with op.batch_alter_table('visit', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_visit_expires_at'), ['expires_at'], unique=False)

    op.create_table('identity',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('person_pk', BigKey, nullable=False),
    sa.Column('issuer', sa.String(length=400), nullable=False),
    sa.Column('subject', sa.String(length=255), nullable=False),
    sa.Column('linked_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['person_pk'], ['person.pk'], name=op.f('fk_identity_person_pk_person')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_identity')),
    sa.UniqueConstraint('issuer', 'subject', name=op.f('uq_identity_issuer_subject'))
    )
    with op.batch_alter_table('identity', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_identity_person_pk'), ['person_pk'], unique=False)

    op.create_table('link',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('person_pk', BigKey, nullable=False),
    sa.Column('purpose', sa.String(length=16), nullable=False),
    sa.Column('made_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('used_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['person_pk'], ['person.pk'], name=op.f('fk_link_person_pk_person')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_link')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_link_token_hash'))
    )
    with op.batch_alter_table('link', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_link_expires_at'), ['expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_link_person_pk'), ['person_pk'], unique=False)

    op.create_table('membership',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('person_pk', BigKey, nullable=False),
    sa.Column('provider_pk', BigKey, nullable=False),
    sa.Column('roles', Json, nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['person_pk'], ['person.pk'], name=op.f('fk_membership_person_pk_person')),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_membership_provider_pk_provider')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_membership')),
    sa.UniqueConstraint('person_pk', 'provider_pk', name=op.f('uq_membership_person_pk_provider_pk'))
    )
    with op.batch_alter_table('membership', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_membership_provider_pk'), ['provider_pk'], unique=False)

    op.create_table('session',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('id_hash', sa.String(length=64), nullable=False),
    sa.Column('person_pk', BigKey, nullable=False),
    sa.Column('provider_pk', BigKey, nullable=True),
    sa.Column('method', sa.String(length=16), nullable=False),
    sa.Column('second_factor', sa.Boolean(), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('seen_at', UtcDateTime(), nullable=False),
    sa.Column('ends_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['person_pk'], ['person.pk'], name=op.f('fk_session_person_pk_person')),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_session_provider_pk_provider')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_session')),
    sa.UniqueConstraint('id_hash', name=op.f('uq_session_id_hash'))
    )
    with op.batch_alter_table('session', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_session_ends_at'), ['ends_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_session_person_pk'), ['person_pk'], unique=False)

    op.create_table('assertion',
    sa.Column('client_pk', BigKey, autoincrement=False, nullable=False),
    sa.Column('jti_hash', sa.String(length=64), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['client_pk'], ['client.pk'], name=op.f('fk_assertion_client_pk_client')),
    sa.PrimaryKeyConstraint('client_pk', 'jti_hash', name=op.f('pk_assertion'))
    )
    with op.batch_alter_table('assertion', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_assertion_expires_at'), ['expires_at'], unique=False)

    op.create_table('client_key',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('client_pk', BigKey, nullable=False),
    sa.Column('kid', sa.String(length=128), nullable=False),
    sa.Column('alg', sa.String(length=16), nullable=False),
    sa.Column('jwk', Json, nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=True),
    sa.Column('last_used_at', UtcDateTime(), nullable=True),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['client_pk'], ['client.pk'], name=op.f('fk_client_key_client_pk_client')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_client_key')),
    sa.UniqueConstraint('client_pk', 'kid', name=op.f('uq_client_key_client_pk_kid'))
    )
    op.create_table('client_secret',
    sa.Column('pk', BigKey, autoincrement=True, nullable=False),
    sa.Column('id', sa.String(length=16), nullable=False),
    sa.Column('client_pk', BigKey, nullable=False),
    sa.Column('secret_hash', sa.String(length=255), nullable=False),
    sa.Column('created_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=True),
    sa.Column('last_used_at', UtcDateTime(), nullable=True),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['client_pk'], ['client.pk'], name=op.f('fk_client_secret_client_pk_client')),
    sa.PrimaryKeyConstraint('pk', name=op.f('pk_client_secret')),
    sa.UniqueConstraint('id', name=op.f('uq_client_secret_id'))
    )
    with op.batch_alter_table('client_secret', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_client_secret_client_pk'), ['client_pk'], unique=False)

    # One statement a column, which SQLite knows too: a table that others refer to cannot be made anew there.
    connection = op.get_bind()
    for column in (sa.Column('name', sa.String(length=120), nullable=True),
                   sa.Column('expires_at', UtcDateTime(), nullable=True),
                   sa.Column('last_used_at', UtcDateTime(), nullable=True)):
        op.add_column('client', column)
    made = sa.table('client_secret', *map(sa.column, ('id', 'client_pk', 'secret_hash', 'created_at')))
    for pk, hashed, at in connection.execute(sa.text('SELECT pk, secret_hash, created_at FROM client')).all():
        connection.execute(made.insert().values(id=secrets.token_hex(6), client_pk=pk, secret_hash=hashed, created_at=at))
    op.drop_column('client', 'secret_hash')

    # Tokens live for an hour and are asked for again.
    op.drop_table('token')
    op.create_table('token',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('id', sa.String(length=16), nullable=False),
    sa.Column('purpose', sa.String(length=16), nullable=False),
    sa.Column('client_pk', BigKey, nullable=True),
    sa.Column('provider_pk', BigKey, nullable=True),
    sa.Column('person_pk', BigKey, nullable=True),
    sa.Column('scopes', Json, nullable=False),
    sa.Column('issued_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('last_used_at', UtcDateTime(), nullable=True),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['client_pk'], ['client.pk'], name=op.f('fk_token_client_pk_client')),
    sa.ForeignKeyConstraint(['person_pk'], ['person.pk'], name=op.f('fk_token_person_pk_person')),
    sa.ForeignKeyConstraint(['provider_pk'], ['provider.pk'], name=op.f('fk_token_provider_pk_provider')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_token')),
    sa.UniqueConstraint('id', name=op.f('uq_token_id'))
    )
    for column in ('client_pk', 'expires_at', 'person_pk', 'provider_pk'):
        op.create_index(op.f(f'ix_token_{column}'), 'token', [column], unique=False)


def downgrade() -> None:
    op.drop_table('token')
    op.create_table('token',
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('client_pk', BigKey, nullable=False),
    sa.Column('scopes', Json, nullable=False),
    sa.Column('issued_at', UtcDateTime(), nullable=False),
    sa.Column('expires_at', UtcDateTime(), nullable=False),
    sa.Column('revoked_at', UtcDateTime(), nullable=True),
    sa.ForeignKeyConstraint(['client_pk'], ['client.pk'], name=op.f('fk_token_client_pk_client')),
    sa.PrimaryKeyConstraint('token_hash', name=op.f('pk_token'))
    )
    for column in ('client_pk', 'expires_at'):
        op.create_index(op.f(f'ix_token_{column}'), 'token', [column], unique=False)
    # The newest secret stays: a client had one.
    op.add_column('client', sa.Column('secret_hash', sa.String(length=255), nullable=False, server_default=''))
    op.execute("""UPDATE client SET secret_hash = COALESCE((SELECT secret_hash FROM client_secret
        WHERE client_secret.client_pk = client.pk AND client_secret.revoked_at IS NULL
        ORDER BY client_secret.pk DESC LIMIT 1), '')""")
    for column in ('last_used_at', 'expires_at', 'name'):
        op.drop_column('client', column)
    for table in ('client_secret', 'client_key', 'assertion', 'session', 'membership', 'link', 'identity', 'visit', 'person'):
        op.drop_table(table)
