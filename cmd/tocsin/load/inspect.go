package load

import (
	"context"
	"errors"
	"fmt"
	"io"

	"tocsin/cmd/tocsin/cli"
	"tocsin/cmd/tocsin/load/adsgl"
	"tocsin/rules/diag"
)

// inspectedJournals is how many journals --inspect shows.
const inspectedJournals = 3

// inspected prints how a ledger is read. An error means that a load would fail.
func (f *call) inspected(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer) error {
	shown := cli.NewProgress(stderr)
	src, err := openSource(f.File, stdin, shown)
	if err != nil {
		return err
	}
	defer src.close()
	l := &ledgerLoader{opt: f.ads, file: f.name()}
	var first []string
	report, err := l.read(ctx, src, func(j adsgl.Journal) {
		if len(first) < inspectedJournals {
			first = append(first, j.Preview())
		}
	})
	shown.Clear()
	if err != nil {
		return err
	}
	if err := l.notation.WriteColumns(stdout); err != nil {
		return err
	}
	for _, text := range first {
		if _, err := io.WriteString(stdout, "\n"+text); err != nil {
			return fmt.Errorf("write the journals: %w", err)
		}
	}
	report.ShowCells, report.Ranges = true, nil
	if _, err := fmt.Fprintln(stdout); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if err := report.Write(stdout); err != nil {
		return err
	}
	if report.Refused > 0 {
		return fmt.Errorf("%s could not be read: a load fails, or leaves them out with --skip-bad", diag.Plural(report.Refused, "line"))
	}
	if report.Undecided() != nil {
		return errors.New("the file can be read in two ways: a load fails until an option decides")
	}
	return nil
}
