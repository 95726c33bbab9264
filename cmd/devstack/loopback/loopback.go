// Package loopback chooses ports on 127.0.0.1 for servers that must know
// their port before they start.
package loopback

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
)

// Host is where every server of the development stack listens: nothing of it
// is reachable from another machine.
const Host = "127.0.0.1"

// lowest is the lowest port chosen; below it live well-known services.
const lowest = 10000

// Addr returns host:port for a port on the loopback interface.
func Addr(port int) string { return net.JoinHostPort(Host, strconv.Itoa(port)) }

// Ports returns n different ports that nothing listens on. They lie below the
// kernel's ephemeral range where that leaves room, so that no outgoing
// connection takes one between this choice and the server's bind. Another
// server may still take one: a caller whose server cannot bind chooses again.
func Ports(n int) ([]int, error) {
	high := ephemeralStart()
	if high <= lowest+1000 {
		high = 61000
	}
	chosen := make(map[int]bool, n)
	ports := make([]int, 0, n)
	for tries := 0; len(ports) < n; tries++ {
		if tries > 100*(n+1) {
			return nil, errors.New("no free loopback port found")
		}
		port := lowest + rand.IntN(high-lowest)
		if chosen[port] {
			continue
		}
		chosen[port] = true
		if Free(port) == nil {
			ports = append(ports, port)
		}
	}
	return ports, nil
}

// Free returns why a server could not listen on a port; nil if it could.
func Free(port int) error {
	l, err := net.Listen("tcp", Addr(port))
	if err != nil {
		return fmt.Errorf("port %d: %w", port, err)
	}
	return l.Close()
}

// ephemeralStart is the first port the kernel gives to outgoing connections,
// or Linux's default where it cannot be read.
func ephemeralStart() int {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return 32768
	}
	var low, high int
	if _, err := fmt.Sscan(string(text), &low, &high); err != nil {
		return 32768
	}
	return low
}
