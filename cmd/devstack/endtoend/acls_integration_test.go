//go:build integration

package endtoend

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"tocsin/cmd/devstack/apachekafka"
	"tocsin/cmd/devstack/apachekafka/kafkatest"
	"tocsin/cmd/devstack/stack"
)

// TestIntegrationKafkaACLs: with what kafka-acls.sh lets a worker do, and no
// more, it works by both group protocols on Apache Kafka's own authorizer; and
// tocsin check names each that is missing.
func TestIntegrationKafkaACLs(t *testing.T) {
	p := newProofs(t)
	cluster := kafkatest.Of(t, apachekafka.Options{
		Listeners:  []apachekafka.Listener{{Name: "SASL", Store: p.store, Mechanisms: mechanisms[:1], Users: map[string]string{worker: secret}}},
		Properties: map[string]string{"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS"},
	})
	h := start(t, stack.Addresses{Kafka: cluster.Bootstrap()})
	h.tocsin("migrate", "--config", h.config)
	admin := kadm.NewClient(h.kafka)
	grant := func(a kfake.ACL) {
		t.Helper()
		b, _ := granting(a)
		made, err := admin.CreateACLs(t.Context(), b)
		if err != nil || len(made) != 1 || made[0].Err != nil {
			t.Fatalf("%+v: %v, %+v", a, err, made)
		}
	}
	take := func(a kfake.ACL) {
		t.Helper()
		b, _ := granting(a)
		taken, err := admin.DeleteACLs(t.Context(), b)
		if err != nil || len(taken) != 1 || len(taken[0].Deleted) != 1 {
			t.Fatalf("%+v: %v, %+v", a, err, taken)
		}
	}
	// An ACL is in force a moment after it is acknowledged.
	check := func(config, what string, ok func(out string, err error) bool) {
		t.Helper()
		h.eventually(15*time.Second, what, func() bool {
			out, err := h.said("check", "--config", config)
			return ok(out, err)
		})
	}
	all := acls(t, "tocsin")
	if len(all) != 6 {
		t.Errorf("%d are granted to a worker", len(all))
	}
	for _, a := range all {
		grant(a)
	}
	for i, protocol := range []string{"classic", "consumer"} {
		config := configured(t, h.logged(cluster.At("SASL"), by(trusting(p.own), "PLAIN", password(worker, p.password))), "# group_protocol: classic", "group_protocol: "+protocol)
		check(config, "all is granted", func(_ string, err error) bool { return err == nil })
		h.produce(contract(2*i), contract(2*i+1))
		h.tocsin("run", "--drain", "--config", config)
		if rows := h.query("SELECT count() FROM events"); rows != fmt.Sprint(2*i+2) {
			t.Errorf("%s: %s rows", protocol, rows)
		}
		for _, a := range all {
			_, named := granting(a)
			names := func(out string, err error) bool {
				return err != nil && slices.ContainsFunc(strings.Split(out, "\n"), func(line string) bool {
					return strings.HasPrefix(line, "FAIL kafka") && strings.Contains(line, named) && strings.Contains(line, "Grant "+a.Operation.String())
				})
			}
			take(a)
			check(config, fmt.Sprintf("%s: without %s on %s", protocol, a.Operation, a.Name), names)
			if a.Resource == kmsg.ACLResourceTypeGroup { // who may look may not join
				less := a
				less.Operation = kmsg.ACLOperationDescribe
				grant(less)
				check(config, protocol+": with DESCRIBE alone on the group", names)
				take(less)
			}
			grant(a)
		}
		check(config, "all is granted again", func(_ string, err error) bool { return err == nil })
	}
}
