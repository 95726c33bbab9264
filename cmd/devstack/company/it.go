package company

import (
	"fmt"
	"time"
)

// systemDraft begins a system event about a system.
func (g *Generator) systemDraft(kind string, s system, series string) *draft {
	subject := s.id
	if series != "" {
		subject = g.name(series)
	}
	d := g.draft(kind, "it_events", subject)
	d.text("system_id", s.id)
	d.text("system_name", s.name)
	d.text("business_service", s.service)
	d.text("environment", "prod")
	d.text("region", "us-east-1")
	d.flag("icfr_in_scope", s.inScope)
	d.flag("key_financial_system", s.key)
	d.number("criticality_tier", s.tier)
	d.number("rto_target_seconds", s.recovery)
	d.flag("in_close_window", closing(g.now))
	return d
}

// systemNoise gives an ordinary event of the IT department.
func (g *Generator) systemNoise() *draft {
	s := pick(g, systems)
	switch n := g.rand.IntN(1000); {
	case n < 620:
		return g.logon(s, pick(g, staff.keyers))
	case n < 680:
		d := g.deployment(s)
		d.text("change.approver", staff.approvers[0].id)
		return d
	case n < 800:
		d := g.systemDraft("system.backup", s, "")
		d.number("status_id", 1)
		d.text("job.name", s.id+"-nightly")
		d.text("job.result", "success")
		d.at("job.last_success_at", g.now)
		d.number("job.rpo_target_seconds", 24*3600)
		return d
	case n < 880:
		d := g.systemDraft("system.job_failure", s, "JOB")
		d.text("job.name", pick(g, []string{"fx-rates", "bank-statement", "stock-sync"}))
		d.text("job.result", pick(g, []string{"late", "failure"}))
		d.number("severity_id", 2)
		return d
	case n < 960:
		d := g.incident("system.detection", s, g.between(1, 3))
		d.flag("is_suspected_breach", false)
		d.number("verdict_id", 1)
		return d
	case n < 975:
		d := g.outage(s, time.Duration(g.between(2, 40))*time.Minute)
		return d
	case n < 985:
		d := g.systemDraft("system.log_integrity", systems[len(systems)-1], "LOG")
		d.text("incident_id", d.subject)
		d.text("activity", "rotate")
		d.number("severity_id", 1)
		return d
	case n < 995:
		d := g.systemDraft("system.access_change", s, "ACC")
		d.text("access.role_granted", "display")
		d.text("access.grant_ticket_id", g.name("REQ"))
		d.text("access.hr_status", "active")
		d.text("target_user", pick(g, staff.keyers).id)
		return d
	default:
		d := g.systemDraft("system.control_result", s, "CTL")
		d.text("control.control_id", fmt.Sprintf("ITGC-%02d", g.between(1, 40)))
		d.text("control.test_result", "pass")
		d.flag("control.is_key", true)
		d.number("control.failure_count_period", 0)
		return d
	}
}

// logon gives a log-on of a person who works here; one in twelve fails.
func (g *Generator) logon(s system, p person) *draft {
	d := g.systemDraft("system.authentication", s, "")
	d.text("activity", "logon")
	d.text("actor.user_id", p.id)
	d.text("actor.type", "human")
	d.flag("actor.is_privileged", false)
	d.flag("actor.is_mfa", true)
	d.text("actor.session_id", g.name("session"))
	d.text("src_ip", fmt.Sprintf("10.%d.%d.%d", g.between(1, 4), g.rand.IntN(256), g.between(1, 254)))
	d.text("src_country", pick(g, entities).country)
	d.text("access.hr_status", "active")
	d.number("severity_id", 1)
	d.number("status_id", 1)
	if g.rand.IntN(12) == 0 {
		d.number("status_id", 2)
	}
	return d
}

// deployment gives a change with an approved ticket; the approver is the
// caller's.
func (g *Generator) deployment(s system) *draft {
	d := g.systemDraft("system.change_deployment", s, "DEP")
	d.text("change.ticket_id", g.name("CHG"))
	d.flag("change.approved", true)
	d.text("change.implementer", pick(g, staff.engineers).id)
	d.at("change.deployed_at", g.now)
	d.flag("change.emergency", false)
	d.flag("change.within_window", true)
	d.flag("change.rollback", false)
	return d
}

// incident gives a detection or an incident of that severity.
func (g *Generator) incident(kind string, s system, severity int) *draft {
	d := g.systemDraft(kind, s, "INC")
	d.text("incident_id", d.subject)
	d.at("start_time", g.now.Add(-time.Hour))
	d.at("detected_at", g.now)
	d.number("severity_id", severity)
	d.number("confidence_id", 3)
	d.number("incident.records_affected", 0)
	d.flag("incident.exfiltration_confirmed", false)
	d.texts("incident.data_classes", "public")
	d.texts("incident.systems_affected", s.id)
	return d
}

// outage gives an outage that has ended.
func (g *Generator) outage(s system, down time.Duration) *draft {
	d := g.systemDraft("system.outage", s, "OUT")
	d.text("incident_id", d.subject)
	d.at("start_time", g.now.Add(-down))
	d.at("end_time", g.now)
	d.number("duration_seconds", int(down/time.Second))
	d.number("users_affected", g.between(1, 400))
	d.flag("is_unauthorized", false)
	d.number("severity_id", 2)
	return d
}
