"""Django's ORM against DB_PORT with models of its own: migrations, queries, transactions, locks, streams."""

import datetime
import decimal
import importlib.machinery
import importlib.util
import os
import sys
import types

import django
from django.conf import settings

from transcript import DATABASE, LOGIN, TLS, say

if sys.argv[1] == "pymysql":
    import pymysql

    pymysql.version_info = (2, 2, 1, "final", 0)
    pymysql.install_as_MySQLdb()
    tls = {"ssl": {"check_hostname": False}}
else:
    tls = {"ssl": {"cipher": "DEFAULT"}}
login = {key.upper(): value for key, value in LOGIN.items()}
settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.mysql",
            "NAME": DATABASE,
            **login,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"charset": "utf8mb4", "isolation_level": "repeatable read", **(tls if TLS else {})},
        }
    },
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "shop"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    SESSION_ENGINE="django.contrib.sessions.backends.db",
    CACHES={"default": {"BACKEND": "django.core.cache.backends.db.DatabaseCache", "LOCATION": "cache_table"}},
    USE_TZ=False,
    SECRET_KEY="any",
)


def application():
    """An application `shop` without files."""
    from django.apps import AppConfig

    module = types.ModuleType("shop")
    module.__path__ = []
    module.ShopConfig = type("ShopConfig", (AppConfig,), {"name": "shop", "label": "shop", "path": os.getcwd(), "__module__": "shop"})
    sys.modules |= {"shop": module, "shop.models": importlib.util.module_from_spec(importlib.machinery.ModuleSpec("shop.models", None))}
    settings.INSTALLED_APPS[-1] = "shop.ShopConfig"
    settings.MIGRATION_MODULES = {"shop": None}


application()
django.setup()

from django.contrib.auth.models import Group, User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.cache import cache  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connection, models, transaction  # noqa: E402
from django.db.models import Avg, Count, F, Q, Sum  # noqa: E402
from django.db.models.functions import TruncDay, Upper  # noqa: E402


class Maker(models.Model):
    name = models.CharField(max_length=50, unique=True)

    class Meta:
        app_label = "shop"


class Tag(models.Model):
    name = models.CharField(max_length=50)

    class Meta:
        app_label = "shop"


class Thing(models.Model):
    maker = models.ForeignKey(Maker, on_delete=models.CASCADE, related_name="things")
    tags = models.ManyToManyField(Tag)
    name = models.CharField(max_length=100)
    amount = models.PositiveBigIntegerField(default=0)
    small = models.SmallIntegerField(null=True)
    price = models.DecimalField(max_digits=20, decimal_places=6, null=True)
    weight = models.FloatField(null=True)
    there = models.BooleanField(null=True)
    at = models.DateTimeField(null=True)
    day = models.DateField(null=True)
    time = models.TimeField(null=True)
    length = models.DurationField(null=True)
    photo = models.BinaryField(null=True)
    facts = models.JSONField(null=True)
    text = models.TextField(blank=True)
    key = models.UUIDField(null=True)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        app_label = "shop"
        indexes = [models.Index(fields=["name", "-amount"])]
        constraints = [models.CheckConstraint(condition=Q(amount__lt=1000), name="not_many")]


def attempt(name, action):
    try:
        with transaction.atomic():
            say(name, action())
    except DatabaseError as problem:
        say(name, type(problem).__name__, list(problem.args))


def values(query):
    return [dict(row) for row in query.values()]


def write_and_read():
    maker = Maker.objects.create(name="Zoë 🦀")
    thing = Thing.objects.create(
        maker=maker, name="all", amount=7, small=-32768, price=decimal.Decimal("1.000001"), weight=0.1, there=True, day=datetime.date(2026, 1, 2),
        at=datetime.datetime(2026, 1, 2, 3, 4, 5, 678901), time=datetime.time(1, 2, 3, 4), length=datetime.timedelta(days=-1, microseconds=5),
        photo=bytes(range(256)), facts={"k": [1, "é", None], "n": {"deep": True}}, text="naïve " * 100, key="12345678-1234-5678-1234-567812345678", address="::1",
    )
    Thing.objects.create(maker=maker, name="none")
    say("ids", maker.pk, thing.pk)
    say("all", values(Thing.objects.order_by("id")))
    many = Thing.objects.bulk_create([Thing(maker=maker, name=f"thing {n}", amount=n, facts={"n": n}) for n in range(200)], batch_size=70)
    say("bulk", len(many), Thing.objects.count())
    for thing in many[:5]:
        thing.price = thing.amount
    say("bulk_update", Thing.objects.bulk_update(Thing.objects.filter(name__in=["thing 1", "thing 2"]), ["price"]))
    Maker.objects.bulk_create([Maker(name="Zoë 🦀"), Maker(name="other")], ignore_conflicts=True)
    Maker.objects.bulk_create([Maker(id=1, name="renamed")], update_conflicts=True, update_fields=["name"])
    say("makers", list(Maker.objects.order_by("name").values_list("name", flat=True)))
    say("get_or_create", Maker.objects.get_or_create(name="new")[1], Maker.objects.get_or_create(name="new")[1])
    say("update", Thing.objects.filter(amount__gt=100).update(small=F("amount") - 1), Thing.objects.filter(amount=150).update(small=149))


def queries():
    things = Thing.objects.select_related("maker").prefetch_related("tags")
    say("json", things.filter(facts__n__gt=195).count(), things.filter(facts__k__0=1).count(), things.filter(facts__has_key="n").count())
    say("aggregate", things.aggregate(Count("id"), Sum("amount"), Avg("weight")))
    say("grouped", list(Thing.objects.annotate(day_of=TruncDay("at")).values("day_of").annotate(n=Count("id")).order_by("n")))
    say("functions", list(things.annotate(upper=Upper("name")).filter(Q(upper__contains="THING 1") | Q(price__isnull=False)).values_list("upper", flat=True).order_by("id")[:10]))
    say("nothing", things.filter(name="missing").first(), Thing.objects.none().count())
    say("exists", things.filter(name="all").exists(), things.in_bulk([1])[1].name, things.explain() != "")
    say("iterated", sum(thing.amount for thing in Thing.objects.iterator(chunk_size=30)))
    say("raw", [thing.name for thing in Thing.objects.raw("SELECT id, name FROM shop_thing WHERE id < %s ORDER BY id", [3])])
    say("regex", things.filter(name__regex=r"^thing 1\d$").count(), things.filter(name__iexact="ALL").count(), things.filter(name__iregex="^ALL$").count())
    say("union", list(Thing.objects.filter(id=1).values_list("name").union(Maker.objects.filter(id=1).values_list("name")).order_by("name")))


def transactions():
    say("autocommit", connection.get_autocommit(), connection.in_atomic_block)
    attempt("unique", lambda: Maker.objects.create(name="new"))
    attempt("check", lambda: Thing.objects.filter(id=1).update(amount=5000))
    attempt("foreign key", lambda: connection.cursor().execute("INSERT INTO shop_thing_tags (thing_id, tag_id) VALUES (1, 999)"))
    with transaction.atomic():
        locked = Thing.objects.select_for_update().get(id=1)
        locked.amount = F("amount") + 1
        locked.save()
        try:
            with transaction.atomic():
                Thing.objects.all().update(amount=0)
                raise ValueError
        except ValueError:
            pass
        say("inside", Thing.objects.get(id=1).amount, Thing.objects.select_for_update(skip_locked=True).filter(id__lt=3).count())
        transaction.on_commit(lambda: say("after the commit", Thing.objects.get(id=1).amount))
    with transaction.atomic():
        Thing.objects.all().delete()
        say("deleted", Thing.objects.count())
        transaction.set_rollback(True)
    say("not deleted", Thing.objects.count())
    say("cascade", Maker.objects.filter(name="other").delete())


def batteries():
    user = User.objects.create_superuser("zoë", "z@example.org", None)
    group = Group.objects.create(name="group")
    user.groups.add(group)
    say("user", User.objects.filter(groups__name="group", is_superuser=True).count(), user.has_perm("shop.add_thing"))
    tag = Tag.objects.create(name="tag")
    Thing.objects.get(id=1).tags.set([tag])
    say("tags", list(Thing.objects.filter(tags=tag).values_list("name", flat=True)))
    store = SessionStore()
    store["note"] = "ü"
    store.save()
    say("session", SessionStore(session_key=store.session_key)["note"])
    call_command("createcachetable", verbosity=0)
    cache.set("k", [1, "é"], 60)
    say("cache", cache.get("k"), cache.add("k", 2), cache.incr("n", 1) if cache.add("n", 5) else None, cache.get_many(["k", "n"]), cache.delete("k"))
    with connection.cursor() as cursor:
        found = connection.introspection
        say("tables", sorted(table.name for table in found.get_table_list(cursor)))
        say("columns", [[column.name, column.internal_size, column.null_ok, column.is_unsigned] for column in found.get_table_description(cursor, "shop_thing")])
        constraints = found.get_constraints(cursor, "shop_thing")
        say("constraints", sorted([item["columns"], item["unique"], item["check"], item["foreign_key"]] for item in constraints.values()))
    say("features", connection.mysql_version, connection.mysql_is_mariadb, connection.features.supports_transactions, sorted(connection.sql_mode))


for _ in range(2):
    call_command("migrate", verbosity=0, run_syncdb=True, interactive=False)
say("migrated", sorted(connection.introspection.table_names()))
for check in (write_and_read, queries, transactions, batteries):
    check()
call_command("flush", verbosity=0, interactive=False)
say("flushed", Thing.objects.count(), User.objects.count())
connection.close()
say("again", Maker.objects.create(name="x").pk > 0)
