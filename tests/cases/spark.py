"""Answers questions with Apache Spark: cases (see tests/corpus/README.md) and single expressions.

Talks in JSON lines: requests come on standard input, answers go to standard output. While it works on a case it asks the
other side, which owns the broker, to make topics and to put records into them:

  > {"case": {...case.json...}, "query": ..., "folder": ..., "groups": [...], "name": ...}
  < {"create": TOPIC, "partitions": N}        > {}
  < {"produce": TOPIC, "from": A, "count": N} > {}
  < {"files": {NAME: TEXT}, "failed": bool}   or  {"broken": WHY}

  > {"expressions": [...], "settings": {...}}
  < {"answers": [[VALUE, TYPE], ...]}
"""
import argparse
import base64
import contextlib
import datetime
import json
import os
import re
import struct
import sys
import tempfile
import time

from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

MICROS_A_DAY = 86_400_000_000
DAYS_IN_400_YEARS = 146_097
FIRST_DAY = datetime.date(1, 1, 1).toordinal() - datetime.date(1970, 1, 1).toordinal()
ATTEMPTS = 6


class Line:
    """The other side. Standard output is taken away from the JVM, whose console sink would write into it."""

    def __init__(self, console):
        self.out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(os.open(console, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 1)

    def say(self, message):
        self.out.write(json.dumps(message) + "\n")
        self.out.flush()

    def ask(self, message):
        self.say(message)
        return json.loads(sys.stdin.readline())


# Values ------------------------------------------------------------------------------------------------------------

def day_text(days):
    """A day number as yyyy-MM-dd, years beyond 0 to 9999 with a sign. Calendars repeat every 400 years."""
    cycles, rest = divmod(days - FIRST_DAY, DAYS_IN_400_YEARS)
    date = datetime.date.fromordinal(rest + 1)
    year = date.year + 400 * cycles
    shown = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+05d}"
    return f"{shown}-{date.month:02d}-{date.day:02d}"


def instant_text(micros, digits=6):
    days, micros = divmod(micros, MICROS_A_DAY)
    clock = datetime.timedelta(microseconds=micros)
    minutes, seconds = divmod(clock.seconds, 60)
    fraction = f"{clock.microseconds:06d}"[:digits]
    return f"{day_text(days)}T{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}.{fraction}Z"


def number(value, kind):
    """A JSON number that reads back as the same float, in a float's own precision; a word for what JSON has no number for."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "-Infinity" if value < 0 else "Infinity"
    if isinstance(kind, T.DoubleType):
        return value
    same = struct.pack("<f", value)
    texts = (format(value, f".{digits}g") for digits in range(1, 18))
    return next(float(text) for text in texts if struct.pack("<f", float(text)) == same)


class Carrier:
    """How a column of one type comes from Spark to JSON without loss: `leave` turns it into a type that Python receives
    whole, `arrive` makes JSON of what was received."""

    def __init__(self, leave=lambda column: column, arrive=lambda value: value):
        self.leave = leave
        self.put = arrive

    def arrive(self, value):
        return None if value is None else self.put(value)


def carrier(kind):
    if isinstance(kind, T.TimestampType):
        return Carrier(F.unix_micros, instant_text)
    if isinstance(kind, T.DateType):
        return Carrier(F.unix_date, day_text)
    if isinstance(kind, (T.TimestampNTZType, T.DayTimeIntervalType, T.YearMonthIntervalType)):
        return Carrier(lambda column: column.cast("string"))
    if isinstance(kind, T.BinaryType):
        return Carrier(arrive=lambda value: base64.b64encode(bytes(value)).decode())
    if isinstance(kind, T.DecimalType):
        return Carrier(arrive=lambda value: format(value, "f"))
    if isinstance(kind, (T.FloatType, T.DoubleType)):
        return Carrier(arrive=lambda value: number(value, kind))
    if isinstance(kind, T.ArrayType):
        inner = carrier(kind.elementType)
        return Carrier(lambda column: F.transform(column, inner.leave), lambda value: [inner.arrive(one) for one in value])
    if isinstance(kind, T.MapType):
        # As a list of entries: a map may hold a key twice, and keys that Python cannot hash.
        keys, values = carrier(kind.keyType), carrier(kind.valueType)
        return Carrier(
            lambda column: F.transform(F.map_entries(column), lambda entry: F.struct(
                keys.leave(entry["key"]).alias("key"), values.leave(entry["value"]).alias("value"))),
            lambda value: [[keys.arrive(key), values.arrive(one)] for key, one in value])
    if isinstance(kind, T.StructType):
        fields = [(field.name, carrier(field.dataType)) for field in kind.fields]
        # Fields by number: their names may be odd, or there twice.
        numbered = T.StructType([T.StructField(f"_{at}", field.dataType) for at, field in enumerate(kind.fields)])

        def leave(column):
            parts = [inner.leave(column.cast(numbered)[f"_{at}"]).alias(f"_{at}") for at, (_, inner) in enumerate(fields)]
            return F.when(column.isNotNull(), F.struct(*parts))

        return Carrier(leave, lambda value: {name: inner.arrive(one) for (name, inner), one in zip(fields, value)})
    return Carrier()


def rows_of(frame, ordered):
    """Rows as JSON; `frame` must be one whose plan our own columns cannot change any more."""
    carriers = [carrier(field.dataType) for field in frame.schema]
    frame = frame.toDF(*(f"_{at}" for at in range(len(carriers))))
    sent = frame.select(*(one.leave(F.col(f"_{at}")).alias(f"_{at}") for at, one in enumerate(carriers)))
    rows = [[one.arrive(value) for one, value in zip(carriers, row)] for row in sent.collect()]
    if not ordered:
        rows.sort(key=lambda row: json.dumps(row, ensure_ascii=False, sort_keys=True))
    return rows


def columns_of(schema):
    return [{"name": field.name, "type": field.dataType.simpleString()} for field in schema]


def failure(error, phase):
    """What went wrong, in the words of the innermost cause."""
    name, message = None, str(error)
    with contextlib.suppress(AttributeError, TypeError):
        name = error.getErrorClass()
    cause = getattr(error, "java_exception", None)
    while cause is not None:
        with contextlib.suppress(Exception):
            name = name or cause.getErrorClass()
        message = f"{cause.getClass().getSimpleName()}: {cause.getMessage()}"
        cause = cause.getCause()
    lines = message.strip().splitlines() or [""]
    return {"phase": phase, "error_class": name, "gist": re.sub(r"#\d+L?", "", lines[0][:160])}


class Refused(Exception):
    """Spark's own refusal: the answer of a case that asks for one."""

    def __init__(self, error, phase):
        super().__init__(str(error))
        self.error = failure(error, phase)


@contextlib.contextmanager
def refused_in(phase):
    try:
        yield
    except Refused:
        raise
    except Exception as error:
        raise Refused(error, phase) from error


# Cases -------------------------------------------------------------------------------------------------------------

class Desk:
    """The one Spark, and the other side that owns the broker."""

    def __init__(self, line, options):
        self.line = line
        self.bootstrap = options.bootstrap
        self.console = options.console
        self.work = options.work
        self.root = (
            SparkSession.builder.master("local[2]").appName("goldens")
            .config("spark.jars", options.jars)
            .config("spark.driver.memory", "2g")
            .config("spark.driver.extraJavaOptions",
                    "-Duser.timezone=UTC -Duser.language=en -Duser.country=US -XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
            .config("spark.ui.enabled", "false")
            .config("spark.log.level", "OFF")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.shuffle.partitions", "2")
            .config("spark.sql.warehouse.dir", os.path.join(options.work, "warehouse"))
            .config("spark.sql.streaming.pollingDelay", "150ms")
            .getOrCreate())

    def session(self, settings):
        """A session of its own: nothing of another question is left in it."""
        session = self.root.newSession()
        for name, value in settings.items():
            session.conf.set(name, value)
        return session

    def printed(self, since):
        with open(self.console, "rb") as text:
            text.seek(since)
            return text.read().decode()


class Question:
    def __init__(self, desk, request):
        self.desk = desk
        self.spec = request["case"]
        self.name = request["name"]
        self.folder = request["folder"]
        self.query = request["query"].strip().rstrip(";")
        self.groups = request["groups"]
        self.ordered = self.spec.get("ordered", False)
        self.session = desk.session({"spark.sql.session.timeZone": self.spec.get("timezone", "UTC"), **self.spec.get("conf", {})})
        for table in self.spec.get("static_tables", []):
            path = "file://" + os.path.join(self.folder, table["file"])
            self.session.read.csv(path, schema=table["schema"], header=True).createOrReplaceTempView(table["name"])

    def topic(self, name):
        self.desk.line.ask({"create": name, "partitions": self.spec.get("partitions", 1)})
        return name

    def events(self, reader, topic):
        options = {"kafka.bootstrap.servers": self.desk.bootstrap, "subscribe": topic, "startingOffsets": "earliest"}
        if self.spec.get("include_headers"):
            options["includeHeaders"] = "true"
        reader.format("kafka").options(**options).load().createOrReplaceTempView("events")

    def answer(self):
        """The golden files by name."""
        kind, texts = self.spec["kind"], {}
        try:
            document = self.batch(texts) if kind == "batch" else self.stream(texts)
        except Refused as refused:
            document = {"error": refused.error}
        document = {"spark": self.session.version, "kind": kind, **document}
        return {"expected.json": page(document), **texts}, "error" in document

    def batch(self, texts):
        topic = self.topic("case_" + self.name.replace("-", "_"))
        self.desk.line.ask({"produce": topic, "from": 0, "count": None})
        self.events(self.session.read, topic)
        with refused_in("analysis"):
            frame = self.session.sql(self.query)
            schema = frame.schema
        with refused_in("runtime"):
            rows = rows_of(frame.localCheckpoint(), self.ordered)
        show = self.spec.get("show")
        if show:
            width = {True: 20, False: 0}.get(show.get("truncate", True), show.get("truncate"))
            texts["expected_show.txt"] = frame._jdf.showString(
                int(show.get("num_rows", 20)), int(width), bool(show.get("vertical", False)))
        return {"ordered": self.ordered, "schema": columns_of(schema), "rows": rows}

    def stream(self, texts):
        run = self.whole_run(RowsSink)
        if "console" in self.spec:
            texts["expected_console.txt"] = self.whole_run(ConsoleSink).text
        return {"ordered": self.ordered, "schema": run.schema, "batches": run.batches}

    def whole_run(self, sink):
        """A run whose micro-batches end where the groups end: records arrive one by one, so one may fall in two."""
        for _ in range(ATTEMPTS):
            run = Run(self, sink)
            if run.whole():
                return run
        raise RuntimeError(f"groups of records were split {ATTEMPTS} times")

    def frame(self):
        for view in self.spec.get("views") or [{"name": "events_wm"}]:
            frame = self.session.sql(view["sql"]) if view.get("sql") else self.session.table("events")
            mark, dedup = view.get("watermark"), view.get("dedup")
            if mark:
                frame = frame.withWatermark(mark["column"], mark["delay"])
            if dedup:
                drop = frame.dropDuplicatesWithinWatermark if dedup.get("within_watermark") else frame.dropDuplicates
                frame = drop(dedup["columns"]) if dedup.get("columns") else drop()
            frame.createOrReplaceTempView(view["name"])
        return self.session.sql(self.query)


class RowsSink:
    def __init__(self, question):
        self.question, self.rows, self.schema = question, {}, None

    def attach(self, writer):
        return writer.foreachBatch(self.take)

    def take(self, frame, batch):
        self.schema = frame.schema
        self.rows[batch] = rows_of(frame, self.question.ordered)

    def finish(self, run):
        run.schema = columns_of(self.schema or run.frame.schema)
        run.batches = [run.batch(progress, self.rows.get(progress["batchId"], [])) for progress in run.progress]


class ConsoleSink:
    def __init__(self, question):
        self.question = question
        self.begin = os.path.getsize(question.desk.console)

    def attach(self, writer):
        console = self.question.spec["console"]
        truncate = str(console.get("truncate", True)).lower()
        return writer.format("console").options(numRows=str(console.get("num_rows", 20)), truncate=truncate)

    def finish(self, run):
        time.sleep(0.2)
        run.text = self.question.desk.printed(self.begin)


class Run:
    """One run of a stream over a topic of its own, from the first group to the last."""

    count = 0

    def __init__(self, question, sink):
        Run.count += 1
        self.question = question
        self.progress = []
        self.topic = question.topic(f"case_{question.name.split('-')[0]}_{os.getpid()}_{Run.count}")
        self.checkpoint = os.path.join(question.desk.work, f"checkpoint-{Run.count}")
        sink = sink(question)
        with refused_in("analysis"):
            question.events(question.session.readStream, self.topic)
            self.frame = question.frame()
            self.frame.schema
        self.feed(sink)
        sink.finish(self)

    def start(self, sink):
        mode = self.question.spec.get("output_mode", "append")
        writer = self.frame.writeStream.outputMode(mode).option("checkpointLocation", self.checkpoint)
        return sink.attach(writer).start()

    def feed(self, sink):
        query, fed, begun = None, 0, False
        try:
            for at, size in enumerate(self.question.groups):
                if query is not None and at in self.question.spec.get("restart_before", []):
                    query = self.end(query)
                if size:
                    self.question.desk.line.ask({"produce": self.topic, "from": fed, "count": size})
                fed += size
                with refused_in("runtime" if begun else "start"):
                    query = query or self.start(sink)
                begun = True
                with refused_in("runtime"):
                    query.processAllAvailable()
        finally:
            if query is not None:
                self.end(query)

    def end(self, query):
        self.progress += [one if isinstance(one, dict) else json.loads(one.json) for one in query.recentProgress]
        query.stop()

    def ends(self):
        """Records that a source had read behind each batch, summed over partitions."""
        for progress in self.progress:
            for source in progress["sources"]:
                offsets = source["endOffset"]
                offsets = json.loads(offsets) if isinstance(offsets, str) else offsets
                yield sum(end for partitions in (offsets or {}).values() for end in partitions.values())

    def whole(self):
        bounds, total = {0}, 0
        for size in self.question.groups:
            total += size
            bounds.add(total)
        seen = set(self.ends())
        return seen <= bounds and bounds <= seen | {0}

    def batch(self, progress, rows):
        number = progress["batchId"]
        mark = progress.get("eventTime", {}).get("watermark")
        with open(os.path.join(self.checkpoint, "commits", str(number)), encoding="utf-8") as commit:
            following = json.loads(commit.read().splitlines()[1]).get("nextBatchWatermarkMs", 0)
        operators = progress.get("stateOperators", [])
        return {
            "batch": number,
            "input_rows": progress["numInputRows"],
            "watermark_used": mark,
            "watermark_next": None if mark is None else instant_text(following * 1000, 3),
            "rows": rows,
            "info": {"state_rows": [one["numRowsTotal"] for one in operators],
                     "dropped_by_watermark": [one["numRowsDroppedByWatermark"] for one in operators]},
        }


def page(document):
    """JSON with a row a line and a field of a micro-batch a line: differences can be read."""
    def text(value):
        return json.dumps(value, ensure_ascii=False)

    def block(lines, opening, closing, margin):
        body = ",\n".join(f"{margin}  {line}" for line in lines)
        return f"{opening}\n{body}\n{margin}{closing}" if body else opening + closing

    def fields(value, margin):
        inner = margin + "  "
        lines = []
        for name, one in value.items():
            if name == "rows":
                one = block(map(text, one), "[", "]", inner)
            elif name == "batches":
                one = block((fields(batch, inner + "  ") for batch in one), "[", "]", inner)
            else:
                one = text(one)
            lines.append(f"{text(name)}: {one}")
        return block(lines, "{", "}", margin)

    return fields(document, "") + "\n"


# Expressions -------------------------------------------------------------------------------------------------------

def expression(session, text):
    """Value as a table shows it, and type; or ERROR and the phase."""
    try:
        frame = session.sql(f"SELECT {text} AS x")
        # Through the JVM: Python does not know the types of all intervals.
        kind = frame._jdf.schema().apply(0).dataType().simpleString()
    except Exception:
        return ["ERROR", "analysis"]
    try:
        lines = frame._jdf.showString(20, 0, False).split("\n")
    except Exception:
        return ["ERROR", "runtime"]
    return ["\\n".join(line[1:-1].rstrip(" ") for line in lines[3:-2]), kind]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bootstrap", required=True, help="the brokers")
    parser.add_argument("--jars", required=True, help="the Kafka connector's jars, between commas")
    with tempfile.TemporaryDirectory(prefix="goldens-") as work:
        options = parser.parse_args()
        options.work, options.console = work, os.path.join(work, "console")
        line = Line(options.console)
        desk = Desk(line, options)
        for request in map(json.loads, sys.stdin):
            try:
                if "expressions" in request:
                    session = desk.session(request["settings"])
                    line.say({"answers": [expression(session, one) for one in request["expressions"]]})
                else:
                    files, failed = Question(desk, request).answer()
                    line.say({"files": files, "failed": failed})
            except Exception as error:
                line.say({"broken": f"{type(error).__name__}: {str(error)[:600]}"})
        desk.root.stop()


if __name__ == "__main__":
    main()
