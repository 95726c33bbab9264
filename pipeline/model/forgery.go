package model

// Forgery is a set of ways to forge the group's mark.
type Forgery int8

// The ways. A promise taken away is not among them: no worker can tell such a mark from
// one that had none, and stores the records under another cut while the promised insert
// may run. So only a mark without a promise is set back.
const (
	Forward         Forgery = 1 << iota // to the end of the log
	ForwardPromised                     // the same, with a promise of the record that comes next
	Back                                // to the first record
	BackPromised                        // to the first record, which it promises by the rules of worker B
	Chained                             // to another chain
)

// forge lists the ways in which a person may set the mark. The group is empty, because
// Kafka refuses commits of others while it has members.
func (p *Protocol) forge(s *state, emit emit) {
	k := &s.kafka
	if p.Forged == 0 || k.forged != 0 || k.owner != unowned || k.live[0] || k.live[1] || k.offset == unset || s.clickhouse.end(p, k.log) == 0 {
		return
	}
	for _, f := range [...]struct {
		how    Forgery
		differ bool // it differs from the mark that there is
		offset int8
		mark   mark
		does   string
	}{
		{Forward, k.offset < p.Records, p.Records, mark{log: k.log, head: k.mark.head}, "forward"},
		{ForwardPromised, k.offset < p.Records, p.Records, mark{k.log, k.mark.head, intent{last: p.Records + 1}}, "forward, with a promise"},
		{Back, k.offset > 0 && k.mark.last == 0, 0, mark{log: k.log}, "back"},
		{BackPromised, k.offset > 0 && k.mark.last == 0, 0, mark{k.log, 0, intent{last: 1, rules: 1}}, "back, with a promise"},
		{Chained, true, k.offset, mark{k.log, k.mark.head + 2, k.mark.intent}, "to another chain"},
	} {
		if p.Forged&f.how != 0 && f.differ {
			next := *s
			next.kafka.apply(commit{true, f.offset, f.mark})
			next.kafka.forged = f.how
			emit(next, action{operator, noOne, "sets the group's mark " + f.does + ": {group}"})
		}
	}
}
