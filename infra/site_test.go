package infra_test

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func distribution(t *testing.T) (stack, object) {
	t.Helper()
	s := load(t, site)
	config, _ := s.resources["Distribution"].at("DistributionConfig").(object)
	if config == nil {
		t.Fatal("there is no distribution")
	}
	return s, config
}

func list(v any) []any { l, _ := v.([]any); return l }

func part(v any, name string) any { o, _ := v.(object); return o[name] }

// TestFailover: where the API fails the copy answers; but what changes something
// goes to the API alone, since CloudFront repeats no POST elsewhere.
func TestFailover(t *testing.T) {
	_, config := distribution(t)
	groups := map[string][]string{}
	for _, g := range list(part(config["OriginGroups"], "Items")) {
		var members []string
		for _, m := range list(part(part(g, "Members"), "Items")) {
			members = append(members, text(part(m, "OriginId")))
		}
		groups[text(part(g, "Id"))] = members
		for _, code := range []float64{500, 502, 503, 504} {
			if !slices.Contains(list(part(part(part(g, "FailoverCriteria"), "StatusCodes"), "Items")), any(code)) {
				t.Errorf("%v does not fail over on %v", part(g, "Id"), code)
			}
		}
	}
	if got := fmt.Sprint(groups); got != "map[page:[api copy] scripts:[copy api]]" {
		t.Errorf("origin groups: %s", got)
	}
	behaviours := append([]any{config["DefaultCacheBehavior"]}, list(config["CacheBehaviors"])...)
	for _, b := range behaviours {
		pattern, origin := part(b, "PathPattern"), text(part(b, "TargetOriginId"))
		methods := fmt.Sprint(part(b, "AllowedMethods"))
		if strings.Contains(methods, "POST") != (origin == "api") {
			t.Errorf("%v takes %s, from %s", pattern, methods, origin)
		}
		if protocol := text(part(b, "ViewerProtocolPolicy")); protocol != "https-only" && protocol != "redirect-to-https" {
			t.Errorf("%v is served over %s", pattern, protocol)
		}
	}
	if config["DefaultRootObject"] != "index.html" {
		t.Errorf("/ is %v in the copy", config["DefaultRootObject"])
	}
}

// TestCopyIsPrivate: nobody reads the bucket but the distribution.
func TestCopyIsPrivate(t *testing.T) {
	s, _ := distribution(t)
	for name, value := range s.resources["Copy"].at("PublicAccessBlockConfiguration").(object) {
		if value != true {
			t.Errorf("%s is %v", name, value)
		}
	}
	for _, st := range list(part(s.resources["CopyPolicy"].at("PolicyDocument"), "Statement")) {
		if part(st, "Effect") == "Allow" && (part(st, "Condition") == nil || text(part(st, "Action")) != "s3:GetObject") {
			t.Errorf("the bucket allows %v", st)
		}
	}
}

// TestLanguage runs the function that CloudFront runs.
func TestLanguage(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skipf("no node here: %v", err)
	}
	s, _ := distribution(t)
	code := text(s.resources["Language"].at("FunctionCode"))
	for header, want := range map[string]string{
		"": "en", "de": "de", "de-AT,de;q=0.9,en;q=0.8": "de", "en;q=0.5, ja;q=0.8": "ja", "tlh, fr;q=0.1": "fr", "de;q=0": "en",
		"de;q=x, es;q=0.2": "es", "*": "en", "ES-mx": "es", "de;q=7": "en",
	} {
		quoted, err := json.Marshal(header)
		if err != nil {
			t.Fatal(err)
		}
		script := code + "\nconsole.log(handler({request: {headers: {'accept-language': {value: " + string(quoted) + "}}}}).headers['accept-language'].value)"
		out, err := exec.Command(node, "-e", script).CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%q: got %s, %v, want %s", header, got, err, want)
		}
	}
}
