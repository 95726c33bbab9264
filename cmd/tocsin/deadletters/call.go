package deadletters

import (
	"errors"
	"flag"
	"io"
	"math"
	"os/user"
	"slices"
	"strings"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/config"
	"tocsin/pipeline"
	"tocsin/sinks/clickhouse"
)

// letters is a call of tocsin deadletters.
type letters struct {
	verb           string
	config         string
	places         []clickhouse.Named
	filter         clickhouse.LetterFilter
	filtered       bool // a flag of the filter is given
	all, asJSON    bool
	raw            bool
	yes, again     bool
	file           string
	reason, actor  string
	stdin          io.Reader
	stdout, stderr io.Writer

	cluster string
	topics  []string // that the configuration's workers read
}

// defineLetters defines the flags of a verb. After they are parsed, finish reads
// the places and checks the combination of flags.
func defineLetters(verb string, flags *flag.FlagSet) (l *letters, finish func(places []string) error) {
	l = &letters{verb: verb}
	path := config.Flag(flags)
	var partition int
	if l.verb != "show" {
		flags.StringVar(&l.filter.Topic, "topic", "", "dead letters of this `topic`")
		flags.Func("topic-id", "of its log with this `id`, of a topic that was deleted and created again; default: all", l.topicID)
		flags.IntVar(&partition, "partition", -1, "of this `partition` of the topic; default: all")
		flags.StringVar(&l.filter.Stage, "stage", "", "with this failure `stage`: envelope, decode, schema or unpack")
		flags.StringVar(&l.filter.Code, "code", "", "with this failure `code`, such as too_large")
		flags.Func("from", "with a Kafka timestamp at this `time` or later: RFC 3339, or a date, in UTC", cli.Instant(&l.filter.From))
		flags.Func("to", "with a Kafka timestamp before this `time`", cli.Instant(&l.filter.To))
		flags.IntVar(&l.filter.Limit, "limit", 0, "at most this `number`; 0 is no limit")
	}
	switch l.verb {
	case "list":
		flags.BoolVar(&l.all, "all", false, "also list replayed and discarded dead letters")
	case "show":
		flags.BoolVar(&l.raw, "raw", false, "write the value of the record to standard output, byte for byte, and nothing else")
	case "replay", "discard":
		flags.BoolVar(&l.yes, "yes", false, "apply to every dead letter that the filter selects")
		flags.StringVar(&l.reason, "reason", "", "reason, a `text` that is kept; give no values of records")
		flags.StringVar(&l.actor, "actor", "", "`name` of the person, which is kept; default: the user of the operating system")
	}
	if l.verb == "replay" {
		flags.BoolVar(&l.again, "again", false, "also replay records that were replayed or discarded before, or whose topic was created again")
		flags.StringVar(&l.file, "file", "", "produce the bytes of this `file` in place of the stored bytes; - is standard input")
	}
	flags.BoolVar(&l.asJSON, "json", false, "print JSON, an object a line")
	return l, func(places []string) error {
		l.config = *path
		l.given(flags, partition)
		for _, text := range places {
			p, err := clickhouse.ParsePlace(text)
			if err != nil {
				return err
			}
			if !slices.Contains(l.places, p) {
				l.places = append(l.places, p)
			}
		}
		return l.check()
	}
}

// topicID parses the flag --topic-id.
func (l *letters) topicID(text string) error {
	id, err := pipeline.ParseTopicID(text)
	l.filter.ID = &id
	return err
}

// given records which flags of the filter are given.
func (l *letters) given(flags *flag.FlagSet, partition int) {
	flags.Visit(func(f *flag.Flag) {
		l.filtered = l.filtered || slices.Contains([]string{"topic", "topic-id", "partition", "stage", "code", "from", "to"}, f.Name)
		if f.Name == "partition" {
			n := int32(min(partition, math.MaxInt32))
			l.filter.Partition = &n
		}
	})
}

// check rejects flags and places that exclude each other.
func (l *letters) check() error {
	if l.filter.Stage != "" {
		if err := cli.Word("--stage", l.filter.Stage, "envelope", "decode", "schema", "unpack"); err != nil {
			return err
		}
	}
	switch {
	case l.filter.ID != nil && l.filter.Topic == "":
		return errors.New("--topic-id needs --topic")
	case !l.filter.From.IsZero() && !l.filter.To.IsZero() && !l.filter.From.Before(l.filter.To):
		return errors.New("--from must be before --to: exchange the two")
	case l.filter.Partition != nil && l.filter.Topic == "":
		return errors.New("--partition needs --topic")
	case l.filter.Partition != nil && *l.filter.Partition < 0:
		return errors.New("--partition is a number from 0 on")
	case l.filter.Limit < 0:
		return errors.New("--limit is a number from 0 on; 0 is no limit")
	case l.raw && l.asJSON:
		return errors.New("--raw writes the value alone: give --raw or --json, not both")
	case l.verb == "list" || l.verb == "show":
		return nil
	case len(l.places) > 0 && l.filtered:
		return errors.New("name places or give a filter, not both")
	case len(l.places) == 0 && !l.filtered:
		return errors.New("name places, topic/partition/offset, or give a filter: --topic, --stage, --code, --from, --to")
	case l.again && l.filtered:
		return errors.New("a filter selects open dead letters only: --again needs places")
	case l.file != "" && len(l.places) != 1:
		return errors.New("--file replaces one record: name one place")
	case l.verb == "discard" && strings.TrimSpace(l.reason) == "":
		return errors.New("--reason is required: it is kept with the record")
	}
	return l.known()
}

// known fills in the actor.
func (l *letters) known() error {
	if l.actor != "" {
		return nil
	}
	u, err := user.Current()
	if err != nil || u.Username == "" {
		return errors.New("the operating system does not know your user name: give --actor NAME")
	}
	l.actor = u.Username
	return nil
}
