package config

import (
	"errors"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"tocsin/pipeline"
)

// split lets one environment variable hold several addresses.
func split(addresses []string) []string {
	var all []string
	for _, a := range addresses {
		for part := range strings.SplitSeq(a, ",") {
			if part = strings.TrimSpace(part); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// addressList is a key that holds addresses. Its mistakes show no address, because a
// password may stand in one.
type addressList struct {
	key, example string
	schemes      []string // that may precede an address; nil: none
	login        string   // the key that takes user and password; empty: an address may hold them
}

var (
	brokerList     = addressList{key: "kafka.brokers", example: "kafka:9092", login: "kafka.sasl"}
	clickHouseList = addressList{key: "clickhouse.addresses", example: "clickhouse:9000", login: "clickhouse.user and clickhouse.password"}
	natsList       = addressList{key: "nats.servers", example: "nats://nats:4222", schemes: []string{"nats", "tls", "ws", "wss"}}
)

// check returns the addresses that are none.
func (l addressList) check(addresses []string) (all []*pipeline.Mistake) {
	if len(addresses) == 0 {
		return []*pipeline.Mistake{wrong("%s is empty: name at least one, as %s", l.key, l.example).At(l.key)}
	}
	for i, address := range addresses {
		if why := l.flaw(address); why != "" {
			all = append(all, wrong("address %d of %s %s: write it as %s", i+1, l.key, why, l.example).At(l.key))
		}
	}
	return all
}

// flaw returns what is wrong with an address, and "" for a sound one.
func (l addressList) flaw(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	switch {
	case !ok:
		rest = address
	case !slices.Contains(l.schemes, scheme):
		return "has a scheme that is not accepted here"
	}
	at := strings.LastIndexByte(rest, '@')
	user, rest := rest[:max(at, 0)], rest[at+1:]
	switch {
	case at >= 0 && l.login != "":
		return "has a user or a password, whose place is " + l.login
	case strings.ContainsAny(user, "/?# "):
		return "has a character in its user or password that an address does not allow (%2F stands for a slash)"
	case strings.ContainsAny(rest, "/?#"):
		return "has more than host and port"
	}
	return hostPort(rest)
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// hostPort returns what is wrong with HOST:PORT, and "" for a sound one.
func hostPort(address string) string {
	host, port, err := net.SplitHostPort(address)
	var malformed *net.AddrError
	switch {
	case errors.As(err, &malformed) && malformed.Err == "missing port in address", err == nil && port == "":
		return "has no port"
	case err != nil:
		return "is not an address"
	case host == "":
		return "has no host"
	case !hostName.MatchString(host) && net.ParseIP(host) == nil:
		return "has a host that is neither a name nor an IP address"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "has a port that is not a number from 1 to 65535"
	}
	return ""
}

// listens reports whether a server can listen at an address. Without a host it
// listens at every address of this machine; port 0 is any free one.
func listens(address string) bool {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil && (host == "" || hostName.MatchString(host) || net.ParseIP(host) != nil)
}
