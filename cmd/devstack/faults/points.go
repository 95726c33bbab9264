package faults

// The numbered steps of a batch at which a worker can be made to kill or stop
// itself.
const (
	stepBeforeIntent = 1 // the intent of a batch with its final range is not yet committed
	stepIntent       = 2 // that intent was acknowledged
	stepMidInsert    = 3 // the server has begun the insert, its data are not sent
	stepUnanswered   = 4 // the insert is sent whole, its answer not read; it is lost to a worker that stops here and goes on
	stepStored       = 5 // the insert was acknowledged, the first publish not sent
	stepMidPublish   = 6 // a publish is sent, perhaps not the last
	stepPublished    = 7 // every publish was acknowledged, the insert perhaps not, the completion not committed
	stepCompleted    = 8 // the completion was acknowledged
	steps            = 8
)

// pointEdits put the steps into the program.
var pointEdits = []edit{
	{"pipeline/turn.go",
		"	ctx, span := s.committing(s.inRound(ctx), len(all))\n", // before the commit's deadline is set
		"	sealing := s.faultSealing()\n	if sealing {\n		FaultPoint(1)\n	}\n	ctx, span := s.committing(s.inRound(ctx), len(all))\n"},
	{"pipeline/turn.go",
		"	if err := group.commit(ctx, all); err != nil {\n		return err\n	}\n",
		"	if err := group.commit(ctx, all); err != nil {\n		return err\n	}\n	if sealing {\n		FaultPoint(2)\n	}\n	if faultCompletion(all) {\n		FaultPoint(8)\n	}\n"},
	{"sinks/clickhouse/sink.go",
		"	if err := full.into(insert); err != nil {\n",
		"	pipeline.FaultPoint(3)\n	if err := full.into(insert); err != nil {\n"},
	{"sinks/clickhouse/sink.go",
		"	insert, err := s.conn.PrepareBatch(ctx, full.statement())\n",
		"	inserts.Store(b.Token(), false)\n	defer inserts.Delete(b.Token())\n	insert, err := s.conn.PrepareBatch(ctx, full.statement())\n"},
	{"sinks/clickhouse/sink.go",
		"	if err := insert.Send(); err != nil {\n",
		"	inserts.Store(b.Token(), true)\n	if err := insert.Send(); err != nil {\n"},
	{"sinks/clickhouse/config.go",
		"		DialStrategy: c.dial,\n",
		"		DialStrategy: c.dial,\n		DialContext: dialWatched,\n"},
	{"sinks/clickhouse/sink.go",
		"// insert sends the block",
		`// inserts are those under way, by token: true once their data are being sent.
var inserts sync.Map

// watched is a connection whose first read after the data of its insert is a
// step. The insert is known by its token, which its query names.
type watched struct {
	net.Conn
	token atomic.Value
}

func (w *watched) Write(p []byte) (int, error) {
	inserts.Range(func(token, _ any) bool {
		if bytes.Contains(p, []byte(token.(string))) {
			w.token.Store(token)
		}
		return true
	})
	return w.Conn.Write(p)
}

func (w *watched) Read(p []byte) (int, error) {
	if token := w.token.Load(); token != nil {
		if sent, ok := inserts.Load(token); ok && sent.(bool) && pipeline.FaultPoint(4) {
			w.Close() // the answer is lost
		}
	}
	return w.Conn.Read(p)
}

func dialWatched(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil || !pipeline.FaultArmed(4) {
		return conn, err
	}
	return &watched{Conn: conn}, nil
}

// insert sends the block`},
	{"sinks/clickhouse/sink.go", "import (\n", "import (\n	\"bytes\"\n"},
	{"sinks/clickhouse/sink.go", "	\"fmt\"\n	\"sync\"\n", "	\"fmt\"\n	\"net\"\n	\"sync\"\n	\"sync/atomic\"\n"},
	{"pipeline/deliver.go",
		"		err := s.persist(ctx, span, p.topicPartition, \"publish\", ",
		// Alerts do not wait for the insert: those of a worker that has this order do,
		// for a while, because the insert may be given up.
		"		for n := 0; n < 3000 && FaultArmed(5) && !faultStored(&b.Batch) && ctx.Err() == nil; n++ {\n			time.Sleep(time.Millisecond)\n		}\n" +
			"		FaultPoint(5)\n" +
			"		err := s.persist(ctx, span, p.topicPartition, \"publish\", "},
	{"pipeline/deliver.go",
		"		return func(err error) error {\n			b.storing = false\n",
		"		faultStores.Store(faultKey(&b.Batch), err == nil)\n		return func(err error) error {\n			b.storing = false\n"},
	{"sinks/nats/publish.go",
		"		answers[i] = answer\n",
		"		answers[i] = answer\n		pipeline.FaultPoint(6, func() { _ = s.conn.FlushTimeout(time.Second) })\n"},
	{"sinks/nats/publish.go", "	\"slices\"\n", "	\"slices\"\n	\"time\"\n"},
	{"pipeline/deliver.go",
		"				s.metrics.published(alerts)\n",
		"				s.metrics.published(alerts)\n				FaultPoint(7)\n"},
}
