package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// oldest is the first supported version: 25.8, which has long-term support.
var oldest = [2]int{25, 8}

const (
	// minWindow is the smallest deduplication window that the table may have, in
	// inserts.
	minWindow = 10_000
	// maxInserts is the rate, in inserts a second over all workers, at which the
	// table must remember tokens for Config.Remember. A higher rate fails with
	// too many parts.
	maxInserts = 100
)

// inspect examines the server and the database and returns every reason not to
// store there.
func inspect(ctx context.Context, conn driver.Conn, database string, remember time.Duration) error {
	var version string
	if err := conn.QueryRow(ctx, `SELECT version()`).Scan(&version); err != nil {
		return classified(ctx, err)
	}
	var problems []error
	refuse := func(err error) {
		if err != nil {
			problems = append(problems, fmt.Errorf("clickhouse: %w", err))
		}
	}
	refuse(checkVersion(version))

	applied, err := appliedMigrations(ctx, conn, database)
	if err != nil {
		return err
	}
	if err := checkMigrations(applied); err != nil {
		refuse(err)
		return errors.Join(problems...) // without the schema the checks below report nothing useful
	}
	var engine, full string
	err = conn.QueryRow(ctx, `SELECT any(engine), any(engine_full) FROM system.tables WHERE database = $1 AND name = 'events'`, database).Scan(&engine, &full)
	if err != nil {
		return classified(ctx, err)
	}
	if engine == "" {
		if err := granted(ctx, conn, "SELECT", database, "events"); err != nil {
			return err
		}
		refuse(errors.New("there is no table events, although it was made once: it was dropped; restore it from a backup, or begin a new database with tocsin migrate"))
		return errors.Join(problems...)
	}
	refuse(checkEngine(engine, full, remember))
	held, err := heldColumns(ctx, conn, database)
	if err != nil {
		return err
	}
	refuse(checkColumns(held))
	found, err := checkRecords(ctx, conn, database)
	if err != nil {
		return err
	}
	for _, err := range found {
		refuse(err)
	}
	return errors.Join(problems...)
}

// checkVersion refuses a server older than oldest.
func checkVersion(version string) error {
	parts := strings.SplitN(version, ".", 3)
	if len(parts) < 2 {
		return fmt.Errorf("the server calls its version %q, which is none of ClickHouse's", version)
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if err1 != nil || err2 != nil {
		return fmt.Errorf("the server calls its version %q, which is none of ClickHouse's", version)
	}
	if slices.Compare([]int{major, minor}, oldest[:]) < 0 {
		return fmt.Errorf("the server is version %s; %d.%d is the oldest that is supported: upgrade the server", version, oldest[0], oldest[1])
	}
	return nil
}

var windowSetting = regexp.MustCompile(`\b((?:non_)?replicated_deduplication_window(?:_seconds)?) = (\d+)`)

// checkEngine refuses a table events that does not drop a second insert, or not
// for as long as remember.
func checkEngine(engine, full string, remember time.Duration) error {
	// Defaults of the settings, in the oldest supported version and in all newer
	// ones.
	window := map[string]int{"non_replicated_deduplication_window": 0, "replicated_deduplication_window": 10_000, "replicated_deduplication_window_seconds": 3600}
	for _, m := range windowSetting.FindAllStringSubmatch(full, -1) {
		window[m[1]], _ = strconv.Atoi(m[2]) // digits only
	}
	setting := "non_replicated_deduplication_window"
	switch engine {
	case "MergeTree":
	case "ReplicatedMergeTree", "SharedMergeTree":
		setting = "replicated_deduplication_window"
		const seconds = "replicated_deduplication_window_seconds"
		if time.Duration(window[seconds])*time.Second < remember {
			return fmt.Errorf("table events remembers inserts for %d s, and a batch may be sent again for %s: ALTER TABLE events MODIFY SETTING %s = 3600; or lower worker.intent_ttl",
				window[seconds], remember, seconds)
		}
	default:
		return fmt.Errorf("table events has engine %s, which rewrites or splits rows: it must be MergeTree, ReplicatedMergeTree or SharedMergeTree; "+
			"move the data to a database made by tocsin migrate", engine)
	}
	if need := max(minWindow, int(remember.Seconds()*maxInserts)); window[setting] < need {
		return fmt.Errorf("table events remembers %d inserts and must remember %d, so a replayed batch could be stored twice: "+
			"ALTER TABLE events MODIFY SETTING %s = %d; or lower worker.intent_ttl", window[setting], need, setting, max(need, 100_000))
	}
	return nil
}

// heldColumns are the names and types of the columns of events.
func heldColumns(ctx context.Context, conn driver.Conn, database string) (map[string]string, error) {
	rows, err := conn.Query(ctx, `SELECT name, type FROM system.columns WHERE database = $1 AND table = 'events'`, database)
	if err != nil {
		return nil, classified(ctx, err)
	}
	held := make(map[string]string)
	for rows.Next() {
		var name, typ string
		if err := rows.Scan(&name, &typ); err != nil {
			return nil, classified(ctx, errors.Join(err, rows.Close()))
		}
		held[name] = typ
	}
	return held, classified(ctx, errors.Join(rows.Err(), rows.Close()))
}

// checkColumns refuses a table that lacks a column of this release or has it
// with another type. Additional columns are ignored.
func checkColumns(held map[string]string) error {
	var wrong []string
	for name, typ := range columnTypes {
		switch have, ok := held[name]; {
		case !ok:
			wrong = append(wrong, fmt.Sprintf("%s %s is missing", name, typ))
		case have != typ:
			wrong = append(wrong, fmt.Sprintf("%s is %s, not %s", name, have, typ))
		}
	}
	if wrong == nil {
		return nil
	}
	slices.Sort(wrong)
	more := ""
	if len(wrong) > 5 {
		more = fmt.Sprintf(" and %d more", len(wrong)-5)
		wrong = wrong[:5]
	}
	return fmt.Errorf("table events was altered after tocsin migrate: %s%s; alter it back", strings.Join(wrong, "; "), more)
}
