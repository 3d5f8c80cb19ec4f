"""SQLAlchemy over a driver (the first argument) against DB_PORT: core, ORM, two-phase commits, reflection, its pool."""

import datetime
import decimal
import enum
import ssl
import sys
from typing import Optional

from sqlalchemy import (
    JSON, BigInteger, Boolean, Double, Enum, ForeignKey, Integer, LargeBinary, Numeric, String, Time, create_engine, func, insert, inspect,
    select, text, update,
)
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

from transcript import DATABASE, LOGIN, TLS, say


class Base(DeclarativeBase):
    pass


class Colour(enum.Enum):
    RED = "rot"
    GREEN = "grün"


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan", order_by="Book.id")


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    title: Mapped[str] = mapped_column(String(100))
    price: Mapped[Optional[decimal.Decimal]] = mapped_column(Numeric(20, 6))
    weight: Mapped[Optional[float]] = mapped_column(Double)
    pages: Mapped[Optional[int]] = mapped_column(mysql.BIGINT(unsigned=True))
    big: Mapped[Optional[int]] = mapped_column(BigInteger)
    sold: Mapped[Optional[bool]] = mapped_column(Boolean)
    at: Mapped[Optional[datetime.datetime]] = mapped_column(mysql.DATETIME(fsp=6))
    length: Mapped[Optional[datetime.time]] = mapped_column(Time)
    cover: Mapped[Optional[bytes]] = mapped_column(LargeBinary)
    facts: Mapped[Optional[dict]] = mapped_column(JSON)
    colour: Mapped[Optional[Colour]] = mapped_column(Enum(Colour))
    version: Mapped[int] = mapped_column(Integer, default=0)
    author: Mapped[Author] = relationship(back_populates="books")
    __mapper_args__ = {"version_id_col": version}


def engine():
    arguments = {}
    if TLS and sys.argv[1] == "mysqlconnector":
        arguments["ssl_verify_cert"] = False
    elif TLS:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        arguments["ssl"] = context if sys.argv[1] == "pymysql" else {"cipher": "DEFAULT"}
    url = f"mysql+{sys.argv[1]}://{LOGIN['user']}:{LOGIN['password']}@{LOGIN['host']}:{LOGIN['port']}/{DATABASE}?charset=utf8mb4"
    return create_engine(url, connect_args=arguments, pool_size=3, pool_pre_ping=True)


def attempt(name, action):
    try:
        say(name, action())
    except SQLAlchemyError as problem:
        say(name, type(problem).__name__, str(getattr(problem, "orig", problem)))


def facts(book):
    return [book.title, book.price, book.weight, book.pages, book.big, book.sold, book.at, book.length, book.cover, book.facts, book.colour, book.version]


def objects(engine):
    with Session(engine) as session:
        zoe = Author(name="Zoë 🦀")
        zoe.books = [
            Book(title="One", price="1.000001", weight=0.1, pages=2**64 - 1, big=-(2**63), sold=True, at=datetime.datetime(2026, 1, 2, 3, 4, 5, 678901),
                 length=datetime.time(12, 34, 56), cover=bytes(range(256)), facts={"k": [1, "é", None]}, colour=Colour.GREEN),
            Book(title="Two"),
        ]
        session.add_all([zoe, *[Author(name=f"author {n}") for n in range(40)]])
        session.commit()
        say("ids", zoe.id, [book.id for book in zoe.books])
    with Session(engine) as session:
        zoe = session.scalars(select(Author).where(Author.name.like("Zo%")).options(selectinload(Author.books))).one()
        say("loaded", [facts(book) for book in zoe.books])
        zoe.books[0].title = "One, again"
        zoe.books.pop()
        session.add(Author(name="Zoë 🦀"))
        attempt("unique", session.commit)
        session.rollback()
        say("rolled back", [facts(book)[0] for book in zoe.books])
        with session.begin_nested() as nested:
            session.execute(update(Book).values(big=0))
            nested.rollback()
        say("nested", session.scalars(select(Book.big).order_by(Book.id)).all())
        locked = session.scalars(select(Book).where(Book.id == zoe.books[0].id).with_for_update()).one()
        locked.big = 5
        session.commit()
    with Session(engine) as one, Session(engine) as two:
        a, b = one.get(Book, 1), two.get(Book, 1)
        a.title, b.title = "first", "second"
        one.commit()
        attempt("stale", two.commit)


def core(engine):
    books = Book.__table__
    with engine.connect() as db:
        say("counts", db.execute(select(func.count(), func.sum(books.c.big)).select_from(books)).all())
        many = [{"author_id": 1, "title": f"many {n}", "version": 0} for n in range(300)]
        done = db.execute(insert(books), many)
        say("many", done.rowcount, done.is_insert)
        one = db.execute(insert(books).values(author_id=1, title="alone", version=0))
        say("key", one.inserted_primary_key, one.rowcount)
        db.rollback()
        say("none of them", db.scalar(select(func.count()).select_from(books)))
        upsert = mysql.insert(Author.__table__).values(id=1, name="renamed")
        say("upsert", db.execute(upsert.on_duplicate_key_update(name=upsert.inserted.name)).rowcount)
        db.commit()
        streamed = db.execution_options(stream_results=True, max_row_buffer=10).execute(select(Author.name).order_by(Author.id))
        say("streamed", [len(part) for part in streamed.partitions(15)])
        attempt("wrong", lambda: db.execute(text("SELECT nope")))
        db.rollback()
    for level in ("READ COMMITTED", "SERIALIZABLE", "AUTOCOMMIT"):
        with engine.connect().execution_options(isolation_level=level) as db:
            say(level, db.get_isolation_level(), db.scalar(text("SELECT @@autocommit")))
    with engine.connect() as db:
        say("back again", db.get_isolation_level(), db.default_isolation_level)


def two_phases(engine):
    with engine.connect() as db:
        for end in ("commit", "rollback"):
            transaction = db.begin_twophase(f"{sys.argv[1]}-{end}")
            db.execute(update(Book.__table__).where(Book.id == 1).values(big=77 if end == "commit" else 78))
            transaction.prepare()
            getattr(transaction, end)()
        say("two phases", db.scalar(select(Book.big).where(Book.id == 1)))


def reflection(engine):
    found = inspect(engine)
    say("tables", found.get_table_names(), engine.dialect.server_version_info, engine.dialect.is_mariadb)
    for table in ("author", "book"):
        say(table, [[column["name"], str(column["type"]), column["nullable"]] for column in found.get_columns(table)])
        say("keys", found.get_pk_constraint(table), found.get_foreign_keys(table), found.get_unique_constraints(table), found.get_indexes(table))


engine = engine()
for _ in range(2):
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
for check in (objects, core, two_phases, reflection):
    check(engine)
say("pool", engine.pool.status().replace(str(id(engine)), ""))
engine.dispose()
