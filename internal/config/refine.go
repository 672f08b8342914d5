package config

import (
	"maps"
	"strings"

	"github.com/sondehq/sonde/internal/monitor"
)

// refinements is what of the schema does not come out of the loader's tables: which
// keys must be there, and what an editor may propose. A path leads to a value:
// monitors[].http.url; *. stands for wherever.
var refinements = map[string]fragment{
	"":                              {"required": []string{"monitors"}},
	"monitors":                      {"minItems": 1, "maxItems": MaxMonitors},
	"monitors[]":                    {"required": []string{"id"}, "oneOf": oneKind(), "defaultSnippets": snippets()},
	"monitors[].expect[]":           {"examples": []any{"status == 200", `body.status == "ok"`, "total_ms < 800"}},
	"monitors[].warn[]":             {"examples": []any{"cert_days > 14", "total_ms < 800"}},
	"monitors[].locations[]":        {"examples": []any{"us-east-1", "eu-west-1"}},
	"monitors[].browser.steps":      {"maxItems": maxJourney},
	"monitors[].http.steps":         {"minItems": 1, "maxItems": maxSteps},
	"monitors[].http":               {"anyOf": []fragment{{"required": []string{"url"}}, {"required": []string{"steps"}}}, "minProperties": 1},
	"monitors[].http.steps[].save":  {"propertyNames": fragment{"pattern": "^[a-z][a-z0-9_]{0,39}$"}, "minProperties": 1},
	"locations[]":                   {"type": "string", "pattern": locationForm.String(), "examples": []any{"us-east-1", "eu-west-1", "local"}},
	"services[].monitors":           {"minItems": 1, "maxItems": maxServiceMonitors},
	"monitors[].http.steps[]":       {"required": []string{"url"}},
	"monitors[].tcp":                {"required": []string{"address"}},
	"monitors[].tls":                {"required": []string{"address"}},
	"monitors[].udp":                {"required": []string{"address"}},
	"monitors[].ssh":                {"required": []string{"address"}},
	"monitors[].grpc":               {"required": []string{"address"}},
	"monitors[].icmp":               {"required": []string{"address"}},
	"monitors[].dns":                {"required": []string{"name"}},
	"monitors[].domain":             {"required": []string{"name"}},
	"monitors[].websocket":          {"required": []string{"url"}},
	"monitors[].browser":            {"required": []string{"url"}},
	"monitors[].flapping":           {"required": []string{"changes", "within"}},
	"defaults.flapping":             {"required": []string{"changes", "within"}},
	"monitors[].expiry":             {"minItems": 1, "maxItems": maxWarnings, "uniqueItems": true},
	"defaults.expiry":               {"minItems": 1, "maxItems": maxWarnings, "uniqueItems": true},
	"*.auth":                        {"minProperties": 1, "maxProperties": 1},
	"*.auth.basic":                  {"required": []string{"user", "password"}},
	"*.auth.oauth2":                 {"required": []string{"token_url", "client_id", "client_secret"}},
	"*.client_cert":                 {"required": []string{"cert", "key"}},
	"*.count":                       {"required": []string{"selector", "is"}},
	"services[]":                    {"required": []string{"id", "monitors"}},
	"services[].check_from_browser": {"required": []string{"url"}},
	"tiers[]":                       {"required": []string{"id"}},
	"tiers[].quiet":                 {"required": []string{"from", "to"}},
	"rehearse":                      {"required": []string{"cron"}},
	"rehearse.cron":                 {"examples": []any{"0 9 1 * *"}},
	"maintenance":                   {"maxItems": MaxPlans},
	"maintenance[]":                 {"required": []string{"id", "services"}},
	"maintenance[].cron":            {"examples": []any{"0 2 * * 0"}},
	"maintenance[].rrule":           {"examples": []any{"FREQ=MONTHLY;BYDAY=1SU"}},
	"monitors[].heartbeat.cron":     {"examples": []any{"30 2 * * *"}},
	"site.name":                     {"examples": []any{"Example"}},
	"tiers[].name":                  {"examples": []any{"On-call"}},
}

// oneKind is that a monitor is of exactly one kind.
func oneKind() []fragment {
	var all []fragment
	for _, kind := range monitor.Kinds {
		all = append(all, fragment{"required": []string{string(kind)}, "errorMessage": "A monitor is of exactly one kind: http, tcp, heartbeat and so on."})
	}
	return all
}

// snippets is whole monitors that an editor proposes (vscode-json-languageservice,
// defaultSnippets).
func snippets() []fragment {
	return []fragment{
		{"label": "http monitor", "description": "asks for a URL", "body": map[string]any{"id": "${1:app}", "http": "${2:https://example.com/health}", "expect": []string{"${3:status == 200}"}}},
		{"label": "heartbeat monitor", "description": "expects to be pinged", "body": map[string]any{"id": "${1:nightly-backup}", "heartbeat": map[string]any{"every": "${2:24h}", "grace": "${3:1h}"}}},
	}
}

// refine adds to the schema of a value, to the mapping or the list among its
// alternatives where it is about one, and reports whether there is such a value.
func refine(root fragment, path string, more fragment) bool {
	found := false
	for _, f := range places(root, path) {
		for _, one := range alternatives(f) {
			if (more["required"] != nil || more["minProperties"] != nil) && one["type"] != "object" || more["maxItems"] != nil && one["type"] != "array" {
				continue
			}
			maps.Copy(one, more)
			found = true
		}
	}
	return found
}

// places is the schemas that a path leads to.
func places(root fragment, path string) []fragment {
	at := []fragment{root}
	rest, everywhere := strings.CutPrefix(path, "*.")
	if everywhere {
		at = inside(root)
	}
	for part := range strings.SplitSeq(strings.ReplaceAll(rest, "[]", ".[]"), ".") {
		if part == "" {
			continue
		}
		var next []fragment
		for _, f := range at {
			for _, one := range alternatives(f) {
				if item, is := one["items"].(fragment); part == "[]" && is {
					next = append(next, item)
				}
				if properties, is := one["properties"].(map[string]any); is && properties[part] != nil {
					next = append(next, properties[part].(fragment))
				}
			}
		}
		at = next
	}
	return at
}

// inside is a schema and all that it is made of.
func inside(f fragment) []fragment {
	all := []fragment{f}
	for _, one := range alternatives(f) {
		if item, is := one["items"].(fragment); is {
			all = append(all, inside(item)...)
		}
		properties, _ := one["properties"].(map[string]any)
		for _, p := range properties {
			all = append(all, inside(p.(fragment))...)
		}
	}
	return all
}
