package clickhouse

import (
	"context"
	"fmt"
	"regexp"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// recordTables are the tables of record: no row of them is ever removed, altered or
// hidden by the server itself.
var recordTables = []string{"events", "packs", "dispositions", "schema_migrations"}

var (
	quotedText  = regexp.MustCompile("'(?:[^'\\\\]|\\\\.)*'|`(?:[^`\\\\]|\\\\.)*`")
	columnOrTTL = regexp.MustCompile(`(?i)\bTTL\b`)
	constraint  = regexp.MustCompile(`(?i)\bCONSTRAINT\b`)
)

// checkRecords returns what removes or refuses rows of the tables of record.
func checkRecords(ctx context.Context, conn driver.Conn, database string) ([]error, error) {
	var problems []error
	var names, definitions []string
	err := conn.QueryRow(ctx, `SELECT groupArray(name), groupArray(create_table_query) FROM
		(SELECT name, create_table_query FROM system.tables WHERE database = $1 AND name IN ($2) ORDER BY name)`, database, recordTables).Scan(&names, &definitions)
	if err != nil {
		return nil, classified(ctx, err)
	}
	for i, name := range names {
		bare := quotedText.ReplaceAllString(definitions[i], "")
		if columnOrTTL.MatchString(bare) {
			problems = append(problems, fmt.Errorf("table %s has a TTL, which deletes rows or values that Tocsin promises to keep: "+
				"ALTER TABLE %[1]s REMOVE TTL, and MODIFY COLUMN … REMOVE TTL for a column (SHOW CREATE TABLE %[1]s shows it); then run tocsin audit", name))
		}
		if constraint.MatchString(bare) {
			problems = append(problems, fmt.Errorf("table %s has a constraint, which refuses whole batches for one row: "+
				"ALTER TABLE %[1]s DROP CONSTRAINT … (SHOW CREATE TABLE %[1]s shows its name)", name))
		}
	}
	return problems, nil
}
