"""Whom the versions of restricted parts are shared with, in columns

Revision: 0006, after 0005
"""

import json

import sqlalchemy as sa
from alembic import op
from registry.db import BigKey

revision = '0006'
down_revision = '0005'


def upgrade() -> None:
    with op.batch_alter_table('restricted_part', schema=None) as batch_op:
        batch_op.add_column(sa.Column('tlp', sa.String(length=16), nullable=True))
        batch_op.add_column(sa.Column('removed', sa.Boolean(), nullable=True))
    op.create_table('part_audience',
    sa.Column('record_pk', BigKey, nullable=False),
    sa.Column('part', sa.String(length=64), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('audience', sa.String(length=8), nullable=False),
    sa.Column('name', sa.String(length=400), nullable=False),
    sa.ForeignKeyConstraint(
        ['record_pk', 'part', 'number'],
        ['restricted_part.record_pk', 'restricted_part.part', 'restricted_part.number'],
        name='fk_part_audience_restricted_part'
    ),
    sa.PrimaryKeyConstraint('record_pk', 'part', 'number', 'audience', 'name', name=op.f('pk_part_audience'))
    )
    _fill()
    with op.batch_alter_table('restricted_part', schema=None) as batch_op:
        batch_op.alter_column('tlp', existing_type=sa.String(length=16), nullable=False)
        batch_op.alter_column('removed', existing_type=sa.Boolean(), nullable=False)


def _fill() -> None:
    """What stands in `handling` already."""
    connection = op.get_bind()
    key = ('record_pk', 'part', 'number')
    rows = connection.execute(sa.text('SELECT record_pk, part, number, handling FROM restricted_part')).all()
    for *found, written in rows:
        handling = json.loads(written) if isinstance(written, str) else written
        of = dict(zip(key, found))
        connection.execute(
            sa.text(
                'UPDATE restricted_part SET tlp = :tlp, removed = :removed '
                'WHERE record_pk = :record_pk AND part = :part AND number = :number'
            ),
            {**of, 'tlp': handling.get('tlp', 'RED'), 'removed': False},
        )
        for audience, field in (('group', 'groups'), ('person', 'people')):
            for name in dict.fromkeys(handling.get(field) or ()):
                connection.execute(
                    sa.text(
                        'INSERT INTO part_audience (record_pk, part, number, audience, name) '
                        'VALUES (:record_pk, :part, :number, :audience, :name)'
                    ),
                    {**of, 'audience': audience, 'name': name},
                )


def downgrade() -> None:
    op.drop_table('part_audience')
    with op.batch_alter_table('restricted_part', schema=None) as batch_op:
        batch_op.drop_column('removed')
        batch_op.drop_column('tlp')
