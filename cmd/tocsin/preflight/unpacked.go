package preflight

import (
	"context"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kadm"
)

// unpackedBytes is the setting by which a broker rejects a compressed record that
// unpacks to more. Kafka 4.4 has it. It bounds one record: a batch of many may still
// unpack to more than a worker takes.
const unpackedBytes = "max.decompressed.message.bytes"

// unpacked looks at the size to which a record of the topics may unpack. A record that
// is larger than what a worker unpacks makes dead letters of its whole batch.
func (p probe) unpacked(ctx context.Context, adm *kadm.Client) (found []result) {
	most := int64(p.Worker.MaxUnpackedBytes)
	var unknown []string
	for _, topic := range p.Kafka.Topics {
		is, err := settingsOf(ctx, adm, topic)
		if err != nil {
			continue // copies reports it
		}
		switch bound := number(is, unpackedBytes); {
		case bound == 0:
			unknown = append(unknown, topic)
		case bound > most:
			found = append(found, warning(partKafka, warnUnbounded, alter(topic, fmt.Sprint(unpackedBytes, "=", most)),
				"topic %s takes a record that unpacks to %d bytes, and a worker unpacks %d at most (worker.max_unpacked_bytes): the batch of a larger record becomes dead letters", topic, bound, most))
		}
	}
	if len(unknown) > 0 {
		found = append(found, warning(partKafka, warnUnbounded, "set it of the topics on Kafka 4.4 or newer; on older brokers have producers bound their records",
			"the brokers have no %s for %s: a record may unpack to any size, and the batch of one that is larger than worker.max_unpacked_bytes becomes dead letters",
			unpackedBytes, strings.Join(unknown, ", ")))
	}
	return found
}
