"""Names by which a record is known elsewhere, and what stewards decided about records that are the same

Revision: 0022, after 0021
"""

import json

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey, UtcDateTime

revision = '0022'
down_revision = '0021'


def upgrade() -> None:
    op.create_table(
        'record_name',
        sa.Column('record_pk', BigKey, nullable=False),
        sa.Column('name', sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_record_name_record_pk_record')),
        sa.PrimaryKeyConstraint('record_pk', 'name', name=op.f('pk_record_name')),
    )
    op.create_index('ix_record_name_name', 'record_name', ['name'])
    op.create_table(
        'same_as',
        sa.Column('first_origin', sa.String(length=255), nullable=False),
        sa.Column('first_id', sa.String(length=16), nullable=False),
        sa.Column('second_origin', sa.String(length=255), nullable=False),
        sa.Column('second_id', sa.String(length=16), nullable=False),
        sa.Column('accepted', sa.Boolean(), nullable=False),
        sa.Column('by', sa.String(length=255), nullable=False),
        sa.Column('at', UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            'first_id', 'first_origin', 'second_id', 'second_origin', name=op.f('pk_same_as')
        ),
    )
    op.create_index('ix_same_as_second', 'same_as', ['second_id', 'second_origin'])
    op.create_index('ix_record_source', 'record', ['source_id', 'source_scheme'])
    _name_those_there_are(op.get_bind())


def _name_those_there_are(connection: sa.Connection) -> None:
    """Records keep their names with each version; these have theirs already."""
    page = sa.text(
        'SELECT record.pk, version.document FROM record JOIN version ON version.record_pk = record.pk'
        ' AND version.number = record.current AND NOT version.shared'
        ' WHERE record.pk > :after ORDER BY record.pk LIMIT 500'
    )
    names = sa.table('record_name', sa.column('record_pk'), sa.column('name'))
    after = 0
    while rows := connection.execute(page, {'after': after}).all():
        after = rows[-1].pk
        found = [{'record_pk': row.pk, 'name': name} for row in rows for name in _names(bytes(row.document))]
        if found:
            connection.execute(names.insert(), found)


def _names(document: bytes) -> list[str]:
    try:
        value = json.loads(document)
    except ValueError:
        return []  # what was erased
    if not isinstance(value, dict):
        return []
    aliases = [one for one in value.get('aliases', ()) if one.get('type', 'same') == 'same']
    known = [one for one in (value.get('source'), *aliases) if one and 'scheme' in one and 'id' in one]
    names = [' '.join(f'{one["scheme"]}:{one["id"]}'.casefold().split())[:300] for one in known]
    return list(dict.fromkeys(names))[:100]


def downgrade() -> None:
    op.drop_index('ix_record_source', table_name='record')
    op.drop_table('same_as')
    op.drop_table('record_name')
