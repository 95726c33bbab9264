package faults

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Sizes of hostile batches, in bytes. Their records pack to almost nothing.
const (
	bombRecord   = 12 << 20  // two do not fit into maxUnpacked
	crowdRecord  = 900 << 10 // below the limit of a record
	crowdRecords = 6         // of a batch: three batches do not fit together
	crowdBatches = 3         // of a partition
	hostileBatch = 1<<30 - 1 // the client's own bounds do not matter
)

// hostile sends batches that a worker cannot unpack, or cannot unpack together, into
// every partition of a topic. False: the topic is being changed, or Kafka is away.
func (r *run) hostile(ctx context.Context, f Fault) (bool, error) {
	topic, n := f.changed()
	l := r.load
	if _, ok := l.gate.enter(topic, 0); !ok {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleBound)
	defer cancel()
	m := newMaker(r.Seed, fmt.Sprintf("%s-%s", f.Kind, f.At))
	happened := false
	for p := range l.gate.at(topic, nil).width {
		var batches [][]*kgo.Record
		switch f.Kind {
		case "bomb":
			batches = append(batches, m.bombs(topic, 2+n))
		case "crowd":
			for range crowdBatches {
				batches = append(batches, m.crowd(topic))
			}
		case "garbled":
			batches = append(batches, m.crowd(topic)[:1+n])
		}
		for _, batch := range batches {
			for _, record := range batch {
				record.Partition = p
			}
			if _, ok := l.gate.enter(topic, len(batch)); !ok {
				return happened, nil
			}
			var err error
			switch f.Kind {
			case "garbled":
				err = r.garbled(ctx, batch)
			default:
				err = l.together(ctx, batch)
			}
			l.gate.leave(topic, len(batch), len(batch)*count(err == nil))
			if errors.Is(err, errLogFile) {
				return happened, err
			}
			if err == nil && f.Kind == "crowd" {
				l.acknowledged(batch...)
			}
			happened = happened || err == nil
		}
	}
	return happened, nil
}

// bombs are records of zeros.
func (m *maker) bombs(topic string, n int) (all []*kgo.Record) {
	for range n {
		all = append(all, &kgo.Record{Topic: topic, Value: make([]byte, bombRecord)})
	}
	return all
}

// crowd are plain events with a long text.
func (m *maker) crowd(topic string) (all []*kgo.Record) {
	text := fmt.Sprintf(`"data":{"header_text":"%s",`, strings.Repeat("x", crowdRecord))
	for range crowdRecords {
		r := m.plain(topic == outageTopic)
		r.Value = bytes.Replace(r.Value, []byte(`"data":{`), []byte(text), 1)
		all = append(all, r)
	}
	return all
}

// packs returns a client that sends records of a partition as one batch of zstd.
func (l *load) packs(more ...kgo.Opt) (*kgo.Client, error) {
	return kgo.NewClient(append(more, kgo.SeedBrokers(l.broker), directly(l.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(200*time.Millisecond), kgo.ProducerBatchMaxBytes(hostileBatch), kgo.BrokerMaxWriteBytes(hostileBatch+1),
		kgo.ProducerBatchCompression(kgo.ZstdCompression()))...)
}

// together produces records as one batch.
func (l *load) together(ctx context.Context, batch []*kgo.Record) error {
	client, err := l.packs()
	if err != nil {
		return err
	}
	defer client.Close()
	return client.ProduceSync(ctx, batch...).FirstErr()
}

// errLogFile is returned where a batch is not found in Kafka's files as it should be.
var errLogFile = errors.New("garble a batch in Kafka's files")

// garbled produces a batch whose bytes are not what its codec writes. A broker accepts
// none, so the batch is sound when it is produced, in a transaction, and altered in
// the broker's file before it is committed. No reader has seen it until then.
func (r *run) garbled(ctx context.Context, batch []*kgo.Record) error {
	r.servers.life[kafkaServer].Lock() // a broker that starts again looks at its files
	defer r.servers.life[kafkaServer].Unlock()
	client, err := r.load.packs(kgo.TransactionalID("faults-garbled"), kgo.TransactionTimeout(transactionBound))
	if err != nil {
		return err
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		return err
	}
	err = client.ProduceSync(ctx, batch...).FirstErr()
	if err == nil {
		err = r.garble(batch[0].Topic, batch[0].Partition, batch[0].Offset)
	}
	return errors.Join(err, client.EndTransaction(ctx, kgo.TransactionEndTry(err == nil)))
}

// garble alters the compressed part of the batch that begins at an offset.
func (r *run) garble(topic string, number int32, offset int64) error {
	segments, err := filepath.Glob(filepath.Join(r.dir, kafkaServer, "*", "data", fmt.Sprintf("%s-%d", topic, number), "*.log"))
	if err != nil {
		return fmt.Errorf("%w: %w", errLogFile, err)
	}
	slices.Sort(segments)
	for _, name := range slices.Backward(segments) {
		f, err := os.OpenFile(name, os.O_RDWR, 0)
		if err != nil {
			return fmt.Errorf("%w: %w", errLogFile, err)
		}
		found, err := garbleIn(f, offset)
		if err = errors.Join(err, f.Close()); err != nil {
			return fmt.Errorf("%w: %w", errLogFile, err)
		}
		if found {
			return nil
		}
	}
	return fmt.Errorf("%w: no segment of %s/%d has a batch at offset %d", errLogFile, topic, number, offset)
}

// garbleIn is garble for a file, whose batches follow each other. Of a batch it alters
// the bytes behind the header, and the checksum.
func garbleIn(f *os.File, offset int64) (found bool, err error) {
	const head, checksum, checked, header = 12, 17, 21, 61
	begin := make([]byte, head)
	for at := int64(0); ; {
		if _, err := f.ReadAt(begin, at); err == io.EOF || err == io.ErrUnexpectedEOF {
			return false, nil
		} else if err != nil {
			return false, err
		}
		size := head + int64(binary.BigEndian.Uint32(begin[8:]))
		if int64(binary.BigEndian.Uint64(begin)) != offset {
			at += size
			continue
		}
		batch := make([]byte, size)
		if _, err := f.ReadAt(batch, at); err != nil {
			return false, err
		}
		for i := header; i < len(batch); i++ {
			batch[i] ^= 0x5a
		}
		binary.BigEndian.PutUint32(batch[checksum:], crc32.Checksum(batch[checked:], crc32.MakeTable(crc32.Castagnoli)))
		_, err := f.WriteAt(batch, at)
		return err == nil, err
	}
}
