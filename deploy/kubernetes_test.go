package deploy

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// manifest returns the only document of a kind in a manifest file.
func manifest(t *testing.T, file, kind string) (found any) {
	t.Helper()
	for _, doc := range documents[any](t, filepath.Join("kubernetes", file), false) {
		if at(doc, "kind") == kind {
			if found != nil {
				t.Fatalf("%s has more than one %s", file, kind)
			}
			found = doc
		}
	}
	if found == nil {
		t.Fatalf("%s has no %s", file, kind)
	}
	return found
}

// at returns the value at a path of keys and indexes, or nil.
func at(doc any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch node := doc.(type) {
		case map[string]any:
			doc = node[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(node) {
				return nil
			}
			doc = node[i]
		default:
			return nil
		}
	}
	return doc
}

// pods are the manifests that make pods: kind, and path of the pod's template.
var pods = map[string]struct{ kind, template string }{
	"worker.yaml":          {"Deployment", "spec.template"},
	"audit.yaml":           {"CronJob", "spec.jobTemplate.spec.template"},
	"migrate/migrate.yaml": {"Job", "spec.template"},
}

// Pods have no rights, no writable path, and a limit of memory.
func TestPodsMayDoNothing(t *testing.T) {
	dockerfile, err := os.ReadFile("Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	user := regexp.MustCompile(`(?m)^USER (\d+):(\d+)$`).FindStringSubmatch(string(dockerfile))
	if user == nil || user[1] != user[2] || user[1] == "0" {
		t.Fatalf("the image's user is %v", user)
	}
	uid, err := strconv.Atoi(user[1])
	if err != nil {
		t.Fatal(err)
	}
	for file, p := range pods {
		pod := at(manifest(t, file, p.kind), p.template+".spec")
		for path, want := range map[string]any{
			"automountServiceAccountToken":        false,
			"enableServiceLinks":                  false,
			"hostNetwork":                         nil,
			"hostPID":                             nil,
			"hostIPC":                             nil,
			"initContainers":                      nil,
			"containers.1":                        nil,
			"securityContext.runAsNonRoot":        true,
			"securityContext.runAsUser":           uid,
			"securityContext.runAsGroup":          uid,
			"securityContext.fsGroup":             uid, // reads the secrets
			"securityContext.seccompProfile.type": "RuntimeDefault",
			"containers.0.image":                  "tocsin",
			"containers.0.securityContext.allowPrivilegeEscalation": false,
			"containers.0.securityContext.readOnlyRootFilesystem":   true,
			"containers.0.securityContext.privileged":               nil,
			"containers.0.securityContext.capabilities":             map[string]any{"drop": []any{"ALL"}},
			"containers.0.resources.limits.cpu":                     nil, // a throttled worker is a late candidate
		} {
			if diff := cmp.Diff(want, at(pod, path)); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", file, path, diff)
			}
		}
		if at(pod, "containers.0.resources.limits.memory") == nil {
			t.Errorf("%s: no limit of memory", file)
		}
		mounts, _ := at(pod, "containers.0.volumeMounts").([]any)
		for _, m := range mounts {
			if at(m, "readOnly") != true {
				t.Errorf("%s: %v can be written", file, at(m, "mountPath"))
			}
		}
		volumes, _ := at(pod, "volumes").([]any)
		if len(mounts) != 2 || len(volumes) != 2 {
			t.Errorf("%s: %d mounts of %d volumes", file, len(mounts), len(volumes))
		}
		for _, v := range volumes {
			if at(v, "projected") != nil && at(v, "projected.defaultMode") != 0o440 {
				t.Errorf("%s: secrets of mode %o", file, at(v, "projected.defaultMode"))
			}
		}
	}
	if at(manifest(t, "worker.yaml", "ServiceAccount"), "automountServiceAccountToken") != false {
		t.Error("the workers' account gives its token to pods")
	}
}

// A worker may use the memory that the benchmark measured, and the collector works
// harder before the kernel ends the worker.
func TestMemoryIsAsMeasured(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "benchmarks", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	peak := 0
	for _, row := range regexp.MustCompile(`(?m)^\| \d+ \| [\d,]+ \| [\d.]+ \| [\d,]+ \| (\d+) \|$`).FindAllStringSubmatch(string(text), -1) {
		n, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatal(err)
		}
		peak = max(peak, n)
	}
	worker := at(manifest(t, "worker.yaml", "Deployment"), "spec.template.spec.containers.0")
	soft, err := strconv.Atoi(strings.TrimSuffix(fmt.Sprint(at(worker, "env.0.value")), "MiB"))
	if err != nil || at(worker, "env.0.name") != "GOMEMLIMIT" {
		t.Fatalf("%v, %v", at(worker, "env"), err)
	}
	if peak == 0 || soft < peak || soft > 1024*9/10 {
		t.Errorf("measured %d MiB, GOMEMLIMIT %d MiB, want it between that and nine tenths of the limit", peak, soft)
	}
	for _, of := range []string{"requests", "limits"} {
		if got := at(worker, "resources."+of+".memory"); got != "1Gi" {
			t.Errorf("%s: memory %v, want 1Gi in both, so that a node has what a worker may use", of, got)
		}
	}
}

// Workers are replaced, drained and spread one at a time, and probes use the paths
// that a worker serves.
func TestWorkersComeAndGoOneAtATime(t *testing.T) {
	worker := manifest(t, "worker.yaml", "Deployment")
	pod := at(worker, "spec.template.spec")
	budget := manifest(t, "availability.yaml", "PodDisruptionBudget")
	scaler := manifest(t, "scaling.yaml", "HorizontalPodAutoscaler")
	labels := at(worker, "spec.template.metadata.labels")
	rules, err := os.ReadFile("prometheus/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	recorded := "tocsin:age_seconds:max"
	if !strings.Contains(string(rules), "record: "+recorded+"\n") {
		t.Errorf("no rule records %s", recorded)
	}
	for _, c := range []struct {
		what      string
		got, want any
	}{
		{"unavailable in a roll-out", at(worker, "spec.strategy.rollingUpdate.maxUnavailable"), 1},
		{"surge", at(worker, "spec.strategy.rollingUpdate.maxSurge"), 0},
		{"unavailable in a drain of nodes", at(budget, "spec.maxUnavailable"), 1},
		{"replicas, which the scaler sets", at(worker, "spec.replicas"), nil},
		{"what is scaled", at(scaler, "spec.scaleTargetRef.name"), at(worker, "metadata.name")},
		{"scaled by", at(scaler, "spec.metrics.0.external.metric.name"), strings.ReplaceAll(recorded, ":", "_")},
		{"at the least", at(scaler, "spec.minReplicas"), 2},
		{"selected", at(worker, "spec.selector.matchLabels"), labels},
		{"in the budget", at(budget, "spec.selector.matchLabels"), labels},
		{"spread by", at(pod, "topologySpreadConstraints.0.topologyKey"), "topology.kubernetes.io/zone"},
		{"and by", at(pod, "topologySpreadConstraints.1.topologyKey"), "kubernetes.io/hostname"},
		{"live", at(pod, "containers.0.livenessProbe.httpGet"), map[string]any{"path": "/healthz", "port": "metrics"}},
		{"ready", at(pod, "containers.0.readinessProbe.httpGet"), map[string]any{"path": "/readyz", "port": "metrics"}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.what, diff)
		}
	}
	for i := range 2 {
		if diff := cmp.Diff(labels, at(pod, fmt.Sprintf("topologySpreadConstraints.%d.labelSelector.matchLabels", i))); diff != "" {
			t.Errorf("spread among others (-want +got):\n%s", diff)
		}
	}
}

// An audit with problems is a failed Job at once, by the name that the alert looks
// for, and the Job stays until people have read its log.
func TestAuditWithProblemsIsAFailedJob(t *testing.T) {
	audit := manifest(t, "audit.yaml", "CronJob")
	rules, err := os.ReadFile("prometheus/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprint(at(audit, "metadata.name"))
	for _, selector := range []string{`{job_name=~"` + name + `-.+", condition="true"}`, `{cronjob="` + name + `"}`} {
		if !strings.Contains(string(rules), selector) {
			t.Errorf("no rule selects %s", selector)
		}
	}
	job := at(audit, "spec.jobTemplate.spec")
	for path, want := range map[string]any{
		"template.spec.restartPolicy":                        "Never", // as podFailurePolicy needs
		"podFailurePolicy.rules.1.action":                    "FailJob",
		"podFailurePolicy.rules.1.onExitCodes.values":        []any{2, 3},
		"podFailurePolicy.rules.1.onExitCodes.containerName": at(job, "template.spec.containers.0.name"),
		"ttlSecondsAfterFinished":                            3 * 86400,
	} {
		if diff := cmp.Diff(want, at(job, path)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", path, diff)
		}
	}
	if at(audit, "spec.concurrencyPolicy") != "Forbid" {
		t.Error("audits may overlap")
	}
}

// The policy lets out connections to DNS and to the configured servers, lets
// Prometheus in, and nothing else.
func TestNetworkPolicyIsAsConfigured(t *testing.T) {
	policy := manifest(t, "network.yaml", "NetworkPolicy")
	config := documents[any](t, "kubernetes/config/tocsin.yaml", false)[0]
	want := []string{"53 kube-dns of kube-system", "53 kube-dns of kube-system UDP"}
	for _, key := range []string{"kafka.brokers", "clickhouse.addresses", "nats.servers"} {
		addresses, _ := at(config, key).([]any)
		for _, a := range addresses {
			host := fmt.Sprint(a)
			if u, err := url.Parse(host); err == nil && u.Host != "" {
				host = u.Host
			}
			host, port, err := net.SplitHostPort(host)
			name := strings.Split(host, ".")
			if err != nil || len(name) < 3 || name[len(name)-1] != "svc" {
				t.Fatalf("%s: %v is no service of a namespace", key, a)
			}
			want = append(want, port+" "+" of "+name[len(name)-2])
		}
	}
	_, port, err := net.SplitHostPort(fmt.Sprint(at(config, "http.listen")))
	if err != nil {
		t.Fatal(err)
	}
	if worker := manifest(t, "worker.yaml", "Deployment"); fmt.Sprint(at(worker, "spec.template.spec.containers.0.ports.0.containerPort")) != port {
		t.Errorf("the metrics are not at %s", port)
	}
	slices.Sort(want)
	if diff := cmp.Diff(slices.Compact(want), flows(policy, "egress", "to")); diff != "" {
		t.Errorf("out (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{port + " prometheus of monitoring"}, flows(policy, "ingress", "from")); diff != "" {
		t.Errorf("in (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]any{"Ingress", "Egress"}, at(policy, "spec.policyTypes")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for file, p := range pods {
		labels, _ := at(manifest(t, file, p.kind), p.template+".metadata.labels").(map[string]any)
		for k, v := range at(policy, "spec.podSelector.matchLabels").(map[string]any) {
			if labels[k] != v {
				t.Errorf("the policy does not hold for %s", file)
			}
		}
	}
}

// flows lists the connections that a policy allows in a direction: port, pods,
// namespace, and UDP.
func flows(policy any, direction, side string) (all []string) {
	rules, _ := at(policy, "spec."+direction).([]any)
	for _, rule := range rules {
		peers, _ := at(rule, side).([]any)
		ports, _ := at(rule, "ports").([]any)
		if len(peers) == 0 || len(ports) == 0 {
			all = append(all, "everything")
		}
		for _, peer := range peers {
			labels := make([]string, 0, 1)
			pods, _ := at(peer, "podSelector.matchLabels").(map[string]any)
			for _, v := range pods {
				labels = append(labels, fmt.Sprint(v))
			}
			namespace, _ := at(peer, "namespaceSelector.matchLabels").(map[string]any)
			for _, port := range ports {
				word := fmt.Sprintf("%v %s of %v", at(port, "port"), strings.Join(labels, " "), namespace["kubernetes.io/metadata.name"])
				if at(port, "protocol") != "TCP" {
					word += fmt.Sprint(" ", at(port, "protocol"))
				}
				if end := at(port, "endPort"); end != nil {
					word = fmt.Sprint("to ", end, " from ", word)
				}
				all = append(all, word)
			}
		}
	}
	slices.Sort(all)
	return all
}
