package model

// jetstream is the stream of alerts.
type jetstream struct {
	alerts [maxRecords]alert // by candidate id
	late   message           // sent, and its client waits no more
}

// alert is what the stream holds of one candidate.
type alert struct {
	times int8 // how many messages; more than one is one too many, and counted no further
	rules int8 // that found the candidate
}

// message is an alert under way.
type message struct {
	set    bool
	offset int8
	rules  int8
}

// accept takes an alert, unless one of its candidate is there.
func (j *jetstream) accept(p *Protocol, offset, rules int8) {
	a := &j.alerts[offset]
	if a.times > 0 && p.has(Expected) {
		return
	}
	*a = alert{min(a.times+1, 2), rules}
}

// stream lists what may happen in JetStream next without a worker.
func (p *Protocol) stream(s *state, emit emit) {
	if l := s.jetstream.late; l.set {
		next := *s
		next.jetstream.late = message{}
		next.jetstream.accept(p, l.offset, l.rules)
		emit(next, action{nats, noOne, "takes the late alert"})
	}
}
