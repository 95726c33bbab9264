package faults

import (
	"os"
	"testing"

	"tocsin/cmd/devstack/chserver"
	"tocsin/cmd/devstack/natsserver"
)

func TestMain(m *testing.M) {
	chserver.Main() // does not return in the process that is ClickHouse
	natsserver.Main()
	os.Exit(m.Run())
}
