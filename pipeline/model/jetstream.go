package model

// jetstream is the stream of alerts.
type jetstream struct {
	alerts [maxLogs][maxRecords]alert // by candidate id
	late   message                    // sent by a client that no longer waits
}

// alert is the stream's content for one candidate.
type alert struct {
	times int8 // number of messages; counted up to 2, which is one too many
	rules int8 // rules that found the candidate
}

// message is an alert under way.
type message struct {
	set    bool
	log    int8
	offset int8
	rules  int8
}

// accept keeps an alert, unless the stream holds one of its candidate.
func (j *jetstream) accept(p *Protocol, log, offset, rules int8) {
	a := &j.alerts[log][offset]
	if a.times > 0 && p.has(Expected) {
		return
	}
	*a = alert{min(a.times+1, 2), rules}
}

// stream lists what may happen next in JetStream without a worker.
func (p *Protocol) stream(s *state, emit emit) {
	if l := s.jetstream.late; l.set {
		next := *s
		next.jetstream.late = message{}
		next.jetstream.accept(p, l.log, l.offset, l.rules)
		emit(next, action{nats, noOne, "takes the late alert"})
	}
}
