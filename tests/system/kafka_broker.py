"""What somebody else does to a Kafka behind Bitacora's back: makes, fills, cuts and deletes topics.

Through the librdkafka that Bitacora itself uses, so that the tests need no further package.
"""

import ctypes
import time

LIBRARY = ctypes.CDLL("librdkafka.so.1")
PRODUCER = 0
TOPIC = 2      # A resource with settings.
COPY = 2       # Of the bytes to produce.
UNASSIGNED = -1
LIMIT_MS = 20_000
TIMED_OUT = -185  # RD_KAFKA_RESP_ERR__TIMED_OUT

# The settings of a topic that is ours.
OWNED = {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1",
         "unclean.leader.election.enable": "false"}


def declare(name, result, *arguments):
    function = getattr(LIBRARY, "rd_kafka_" + name)
    function.restype, function.argtypes = result, arguments
    return function


POINTER, TEXT, INT, INT64, SIZE = (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int64,
                                   ctypes.c_size_t)
conf_new = declare("conf_new", POINTER)
conf_set = declare("conf_set", INT, POINTER, TEXT, TEXT, TEXT, SIZE)
client_new = declare("new", POINTER, INT, POINTER, TEXT, SIZE)
client_destroy = declare("destroy", None, POINTER)
flush = declare("flush", INT, POINTER, INT)
err2str = declare("err2str", TEXT, INT)
last_error = declare("last_error", INT)
queue_new = declare("queue_new", POINTER, POINTER)
queue_destroy = declare("queue_destroy", None, POINTER)
queue_poll = declare("queue_poll", POINTER, POINTER, INT)
event_error = declare("event_error", INT, POINTER)
event_destroy = declare("event_destroy", None, POINTER)
topic_new = declare("topic_new", POINTER, POINTER, TEXT, POINTER)
topic_destroy = declare("topic_destroy", None, POINTER)
produce = declare("produce", INT, POINTER, ctypes.c_int32, INT, POINTER, SIZE, TEXT, SIZE, POINTER)
new_topic_new = declare("NewTopic_new", POINTER, TEXT, INT, INT, TEXT, SIZE)
new_topic_set = declare("NewTopic_set_config", INT, POINTER, TEXT, TEXT)
create_topics = declare("CreateTopics", None, POINTER, POINTER, SIZE, POINTER, POINTER)
delete_topic_new = declare("DeleteTopic_new", POINTER, TEXT)
delete_topics = declare("DeleteTopics", None, POINTER, POINTER, SIZE, POINTER, POINTER)
list_new = declare("topic_partition_list_new", POINTER, INT)
list_set_offset = declare("topic_partition_list_set_offset", INT, POINTER, TEXT, ctypes.c_int32, INT64)
list_add = declare("topic_partition_list_add", POINTER, POINTER, TEXT, ctypes.c_int32)
delete_records_new = declare("DeleteRecords_new", POINTER, POINTER)
delete_records = declare("DeleteRecords", None, POINTER, POINTER, SIZE, POINTER, POINTER)
resource_new = declare("ConfigResource_new", POINTER, INT, TEXT)
resource_set = declare("ConfigResource_set_config", INT, POINTER, TEXT, TEXT)
alter_configs = declare("AlterConfigs", None, POINTER, POINTER, SIZE, POINTER, POINTER)
topic_results = {
    name: (declare(f"event_{name}_result", POINTER, POINTER),
           declare(f"{name}_result_topics", ctypes.POINTER(POINTER), POINTER, ctypes.POINTER(SIZE)))
    for name in ("CreateTopics", "DeleteTopics")}
topic_result_error = declare("topic_result_error", INT, POINTER)
altered = declare("event_AlterConfigs_result", POINTER, POINTER)
altered_resources = declare("AlterConfigs_result_resources", ctypes.POINTER(POINTER), POINTER,
                            ctypes.POINTER(SIZE))
resource_error = declare("ConfigResource_error", INT, POINTER)


class PartitionMetadata(ctypes.Structure):
    _fields_ = [("id", ctypes.c_int32), ("err", INT), ("leader", ctypes.c_int32),
                ("replica_count", INT), ("replicas", POINTER), ("isr_count", INT), ("isrs", POINTER)]


class TopicMetadata(ctypes.Structure):
    _fields_ = [("topic", TEXT), ("partition_count", INT),
                ("partitions", ctypes.POINTER(PartitionMetadata)), ("err", INT)]


class Metadata(ctypes.Structure):
    _fields_ = [("broker_count", INT), ("brokers", POINTER), ("topic_count", INT),
                ("topics", ctypes.POINTER(TopicMetadata))]


get_metadata = declare("metadata", INT, POINTER, INT, POINTER,
                       ctypes.POINTER(ctypes.POINTER(Metadata)), INT)
metadata_destroy = declare("metadata_destroy", None, POINTER)


class KafkaError(AssertionError):
    pass


def check(code, doing):
    if code:
        raise KafkaError(f"{doing}: {err2str(code).decode()}")


class Broker:
    """A client of the Kafka at `brokers`."""

    def __init__(self, brokers):
        text = ctypes.create_string_buffer(256)
        conf = conf_new()
        for name, value in {"bootstrap.servers": brokers, "acks": "all", "log_level": "0"}.items():
            if conf_set(conf, name.encode(), value.encode(), text, len(text)):
                raise KafkaError(text.value.decode())
        self.client = client_new(PRODUCER, conf, text, len(text))
        assert self.client, text.value.decode()

    def close(self):
        client_destroy(self.client)

    def make(self, topic, partitions=1, replicas=1, **settings):
        """`retention_ms="-1"` sets retention.ms."""
        made = new_topic_new(topic.encode(), partitions, replicas, None, 0)
        for name, value in settings.items():
            new_topic_set(made, name.replace("_", ".").encode(), value.encode())
        self._ask(create_topics, made, f"making {topic}", self._topic_errors("CreateTopics"))
        self._wait_for(topic, lambda leaders: len(leaders) == partitions)

    def delete(self, topic):
        asked = delete_topic_new(topic.encode())
        self._ask(delete_topics, asked, f"deleting {topic}", self._topic_errors("DeleteTopics"))
        self._wait_for(topic, lambda leaders: not leaders)

    def produce(self, topic, partition, records):
        """(key, value) each; returns once all are acknowledged."""
        handle = topic_new(self.client, topic.encode(), None)
        for key, value in records:
            key = key.encode() if key is not None else None
            value = value.encode()
            if produce(handle, partition, COPY, value, len(value), key, len(key or b""), None):
                check(last_error(), f"producing to {topic}")
        check(flush(self.client, LIMIT_MS), f"producing to {topic}")
        topic_destroy(handle)

    def delete_records(self, topic, partition, before):
        """Those below the offset `before`."""
        where = list_new(1)
        list_add(where, topic.encode(), partition)
        list_set_offset(where, topic.encode(), partition, before)
        self._ask(delete_records, delete_records_new(where), f"cutting {topic}", lambda event: [])

    def set(self, topic, settings):
        """All settings of the topic that are not to be the broker's."""
        resource = resource_new(TOPIC, topic.encode())
        for name, value in settings.items():
            resource_set(resource, name.encode(), value.encode())

        def errors(event):
            count = SIZE()
            found = altered_resources(altered(event), ctypes.byref(count))
            return [resource_error(found[n]) for n in range(count.value)]

        self._ask(alter_configs, resource, f"setting {topic}", errors)

    def leaders(self, topic):
        """The leading node of each partition; shorter or empty while there are none."""
        return [leader for leader, _ in self._partitions(topic) if leader >= 0]

    def in_sync(self, topic):
        """The number of replicas of each partition that are in sync with its leader."""
        return [count for _, count in self._partitions(topic)]

    def _partitions(self, topic):
        handle = topic_new(self.client, topic.encode(), None)
        answer = ctypes.POINTER(Metadata)()
        try:
            for _ in range(3):  # The broker that was asked may be one that is away.
                code = get_metadata(self.client, 0, handle, ctypes.byref(answer), LIMIT_MS)
                if code != TIMED_OUT:
                    break
            check(code, "metadata")
            found = answer.contents.topics[0]
            partitions = {found.partitions[n].id: (found.partitions[n].leader,
                                                   found.partitions[n].isr_count)
                          for n in range(found.partition_count)}
            metadata_destroy(answer)
            return [partitions[n] for n in sorted(partitions)]
        finally:
            topic_destroy(handle)

    def _wait_for(self, topic, condition):
        end = time.monotonic() + LIMIT_MS / 1000
        while not condition(self.leaders(topic)):
            assert time.monotonic() < end, f"the partitions of {topic} are not as they should be"

    @staticmethod
    def _topic_errors(name):
        result, topics = topic_results[name]

        def errors(event):
            count = SIZE()
            found = topics(result(event), ctypes.byref(count))
            return [topic_result_error(found[n]) for n in range(count.value)]

        return errors

    def _ask(self, operation, argument, doing, errors):
        queue = queue_new(self.client)
        operation(self.client, (POINTER * 1)(argument), 1, None, queue)
        event = queue_poll(queue, LIMIT_MS)
        if not event:
            raise KafkaError(f"{doing}: Kafka does not answer")
        check(event_error(event), doing)
        for code in errors(event):
            check(code, doing)
        event_destroy(event)
        queue_destroy(queue)
