"""What records report of safeguards, and who publishes those that do

Revision: 0024, after 0023
"""

import json

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey
from registry.records.outcomes.service import rows_of

revision = '0024'
down_revision = '0023'


def upgrade() -> None:
    op.create_table(
        'outcome',
        sa.Column('record_pk', BigKey, nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('pointer', sa.String(length=120), nullable=False),
        sa.Column('outcome', sa.String(length=16), nullable=False),
        sa.Column('safeguard', sa.String(length=255), nullable=True),
        sa.Column('target_origin', sa.String(length=255), nullable=True),
        sa.Column('target_id', sa.String(length=16), nullable=True),
        sa.Column('inherits', sa.Boolean(), nullable=False),
        sa.Column('measured', sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(['record_pk'], ['record.pk'], name=op.f('fk_outcome_record_pk_record')),
        sa.PrimaryKeyConstraint('record_pk', 'number', name=op.f('pk_outcome')),
    )
    op.create_index('ix_outcome_target', 'outcome', ['target_id', 'target_origin'])
    op.create_table(
        'outcome_subject',
        sa.Column('record_pk', BigKey, nullable=False),
        sa.Column('number', sa.Integer(), nullable=False),
        sa.Column('role', sa.String(length=8), nullable=False),
        sa.Column('subject', sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ['record_pk'], ['record.pk'], name=op.f('fk_outcome_subject_record_pk_record')
        ),
        sa.PrimaryKeyConstraint('record_pk', 'number', 'role', 'subject', name=op.f('pk_outcome_subject')),
    )
    op.create_index('ix_outcome_subject_subject', 'outcome_subject', ['subject', 'role'])
    op.create_table(
        'record_publisher',
        sa.Column('record_pk', BigKey, nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.Column('slug', sa.String(length=64), nullable=True),
        sa.Column('domain', sa.String(length=253), nullable=True),
        sa.ForeignKeyConstraint(
            ['record_pk'], ['record.pk'], name=op.f('fk_record_publisher_record_pk_record')
        ),
        sa.PrimaryKeyConstraint('record_pk', 'position', name=op.f('pk_record_publisher')),
    )
    _read_those_there_are(op.get_bind())


def _read_those_there_are(connection: sa.Connection) -> None:
    """Records keep these rows with each version; what is there already is read once.

    By the rule that the program has, and not by a copy of it: the rows are what today's rule makes of a
    document, and nothing in them is older than that.
    """
    page = sa.text(
        'SELECT record.pk, version.pk AS version_pk, version.document, record.provider_pk FROM record'
        ' JOIN version ON version.record_pk = record.pk AND version.number = record.current'
        ' AND NOT version.shared'
        " WHERE record.pk > :after AND record.kind IN ('incident', 'mitigation', 'response')"
        ' ORDER BY record.pk LIMIT 500'
    )
    signed_by = sa.text(
        'SELECT domain FROM version_signature WHERE version_pk = :version_pk'
        ' AND domain IS NOT NULL AND jwk IS NOT NULL'
    )
    tables = [
        sa.table(name, *(sa.column(column) for column in columns))
        for name, columns in (
            ('outcome_subject', ('record_pk', 'number', 'role', 'subject')),
            (
                'outcome',
                (
                    'record_pk', 'number', 'pointer', 'outcome', 'safeguard', 'target_origin', 'target_id',
                    'inherits', 'measured',
                ),
            ),
            ('record_publisher', ('record_pk', 'position', 'slug', 'domain')),
        )
    ]
    after = 0
    while found := connection.execute(page, {'after': after}).all():
        after = found[-1].pk
        gathered = ([], [], [])
        for row in found:
            document = _read(bytes(row.document))
            signed = None
            if row.provider_pk is None:
                signed = {one.domain for one in connection.execute(signed_by, {'version_pk': row.version_pk})}
            for rows, more in zip(gathered, rows_of(row.pk, document, signed)):
                rows += more
        for table, rows in zip(tables, gathered):
            if rows:
                connection.execute(table.insert(), rows)


def _read(document: bytes) -> dict:
    try:
        value = json.loads(document)
    except ValueError:
        return {}  # what was erased
    return value if isinstance(value, dict) else {}


def downgrade() -> None:
    op.drop_table('record_publisher')
    op.drop_table('outcome_subject')
    op.drop_table('outcome')
