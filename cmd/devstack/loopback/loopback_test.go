package loopback_test

import (
	"net"
	"testing"

	"tocsin/cmd/devstack/loopback"
)

func TestPortsAreDifferentAndFree(t *testing.T) {
	ports, err := loopback.Ports(20)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range ports {
		l, err := net.Listen("tcp", loopback.Addr(p)) // a port given twice is taken by now
		if err != nil {
			t.Fatalf("port %d cannot be listened on: %v", p, err)
		}
		t.Cleanup(func() { _ = l.Close() })
	}
}
