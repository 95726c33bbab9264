package deploy

import (
	"encoding/xml"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// grants are the rights of each role, one a string: verb ON object.
type grants map[string][]string

func (g grants) add(role, verbs, on string) {
	for verb := range strings.SplitSeq(verbs, ", ") {
		g[role] = append(g[role], verb+" ON "+on)
	}
	slices.Sort(g[role])
}

// clickhouse.sql and clickhouse-users.xml grant every role the same.
func TestBothFilesOfClickHouseGrantTheSame(t *testing.T) {
	read := func(path string) string {
		t.Helper()
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	sql := read("grants/clickhouse.sql")
	bySQL := grants{}
	for _, m := range regexp.MustCompile(`(?m)^GRANT (.+) ON (\S+) TO (\w+);$`).FindAllStringSubmatch(sql, -1) {
		bySQL.add(m[3], m[1], m[2])
	}
	if n := strings.Count(sql, "\nGRANT "); n != strings.Count(sql, " TO tocsin_") || len(bySQL) != 6 {
		t.Errorf("%d statements grant to %d roles", n, len(bySQL))
	}
	created := regexp.MustCompile(`CREATE ROLE IF NOT EXISTS (.+);`).FindStringSubmatch(sql)
	for role := range bySQL {
		if created == nil || !slices.Contains(strings.Split(created[1], ", "), role) {
			t.Errorf("%s is not created", role)
		}
	}

	var users struct {
		Users struct {
			Each []struct {
				XMLName xml.Name
				Queries []string `xml:"grants>query"`
			} `xml:",any"`
		} `xml:"users"`
	}
	if err := xml.Unmarshal([]byte(read("grants/clickhouse-users.xml")), &users); err != nil {
		t.Fatal(err)
	}
	grant := regexp.MustCompile(`^GRANT (.+) ON (\S+)$`)
	byFile := grants{}
	for _, u := range users.Users.Each {
		for _, q := range u.Queries {
			m := grant.FindStringSubmatch(q)
			if m == nil {
				t.Fatalf("%s: %s", u.XMLName.Local, q)
			}
			byFile.add(u.XMLName.Local, m[1], m[2])
		}
	}
	if diff := cmp.Diff(bySQL, byFile); diff != "" {
		t.Errorf("(-clickhouse.sql +clickhouse-users.xml)\n%s", diff)
	}
}
