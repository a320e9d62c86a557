// Command alerts evaluates a rule file against generated series with Prometheus' own engine: the subset of
// `promtool test rules` that this project needs, since promtool's dependencies take minutes to compile.
//
//	alerts TESTS.yaml
//
// The file is in promtool's format (https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/), so
// promtool runs it too. Exit code 1: the rules are wrong, or an alert fires that should not, or the other way round.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
	"github.com/prometheus/prometheus/rules"
	"sigs.k8s.io/yaml"
)

type testFile struct {
	RuleFiles          []string       `json:"rule_files"`
	EvaluationInterval model.Duration `json:"evaluation_interval"`
	Tests              []testGroup    `json:"tests"`
}

type testGroup struct {
	Name           string         `json:"name"`
	Interval       model.Duration `json:"interval"`
	InputSeries    []inputSeries  `json:"input_series"`
	AlertRuleTests []alertTest    `json:"alert_rule_test"`
}

type inputSeries struct {
	Series string `json:"series"`
	Values string `json:"values"`
}

type alertTest struct {
	EvalTime  model.Duration  `json:"eval_time"`
	Alertname string          `json:"alertname"`
	ExpAlerts []expectedAlert `json:"exp_alerts"`
}

type expectedAlert struct {
	Labels      map[string]string `json:"exp_labels"`
	Annotations map[string]string `json:"exp_annotations"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: alerts TESTS.yaml")
		os.Exit(2)
	}
	failures, err := run(os.Args[1])
	if err != nil {
		failures = append(failures, err.Error())
	}
	for _, failure := range failures {
		fmt.Fprintln(os.Stderr, failure)
	}
	if len(failures) > 0 {
		os.Exit(1)
	}
}

func run(name string) ([]string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	var file testFile
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		return nil, err
	}
	for i, rule := range file.RuleFiles {
		file.RuleFiles[i] = filepath.Join(filepath.Dir(name), rule)
	}
	var failures []string
	for _, group := range file.Tests {
		found, err := group.run(file)
		if err != nil {
			return failures, fmt.Errorf("%s: %w", group.Name, err)
		}
		failures = append(failures, found...)
	}
	return failures, nil
}

func (group testGroup) run(file testFile) ([]string, error) {
	load := fmt.Sprintf("load %s\n", group.Interval)
	for _, series := range group.InputSeries {
		load += fmt.Sprintf("  %s %s\n", series.Series, series.Values)
	}
	promql := parser.NewParser(parser.Options{})
	suite, err := promqltest.NewLazyLoader(load, promqltest.LazyLoaderOpts{
		EnableAtModifier:     true,
		EnableNegativeOffset: true,
		Parser:               promql,
	})
	if err != nil {
		return nil, err
	}
	defer suite.Close()
	manager := rules.NewManager(&rules.ManagerOptions{
		ExternalURL:  &url.URL{},
		QueryFunc:    rules.EngineQueryFunc(suite.QueryEngine(), suite.Storage()),
		AppendableV2: suite.Storage(),
		Context:      context.Background(),
		NotifyFunc:   func(context.Context, string, ...*rules.Alert) {},
		Logger:       promslog.NewNopLogger(),
		Parser:       promql,
	})
	interval := time.Duration(group.Interval)
	groups, errs := manager.LoadGroups(interval, labels.EmptyLabels(), "", nil, false, file.RuleFiles...)
	if len(errs) > 0 {
		return nil, errs[0]
	}
	var last model.Duration
	for _, test := range group.AlertRuleTests {
		last = max(last, test.EvalTime)
	}
	var failures []string
	start := time.Unix(0, 0).UTC()
	for at := time.Duration(0); at <= time.Duration(last); at += time.Duration(file.EvaluationInterval) {
		var evalErr error
		suite.WithSamplesTill(start.Add(at), func(err error) {
			evalErr = err
			for _, loaded := range groups {
				loaded.Eval(suite.Context(), start.Add(at))
				for _, rule := range loaded.Rules() {
					if rule.LastError() != nil {
						evalErr = fmt.Errorf("%s: %w", rule.Name(), rule.LastError())
					}
				}
			}
		})
		if evalErr != nil {
			return failures, evalErr
		}
		for _, test := range group.AlertRuleTests {
			if time.Duration(test.EvalTime) != at {
				continue
			}
			want, got := test.wanted(), firing(groups, test.Alertname)
			if !slices.Equal(want, got) {
				failures = append(failures, fmt.Sprintf("%s: %s at %s\n  want %s\n  got  %s",
					group.Name, test.Alertname, test.EvalTime, strings.Join(want, "\n       "), strings.Join(got, "\n       ")))
			}
		}
	}
	return failures, nil
}

func (test alertTest) wanted() []string {
	var lines []string
	for _, alert := range test.ExpAlerts {
		all := map[string]string{"alertname": test.Alertname}
		for name, value := range alert.Labels {
			all[name] = value
		}
		lines = append(lines, lineOf(all, alert.Annotations))
	}
	slices.Sort(lines)
	return lines
}

func firing(groups map[string]*rules.Group, name string) []string {
	var lines []string
	for _, group := range groups {
		for _, rule := range group.Rules() {
			alerting, ok := rule.(*rules.AlertingRule)
			if !ok || alerting.Name() != name {
				continue
			}
			for _, alert := range alerting.ActiveAlerts() {
				if alert.State == rules.StateFiring {
					lines = append(lines, lineOf(alert.Labels.Map(), alert.Annotations.Map()))
				}
			}
		}
	}
	slices.Sort(lines)
	return lines
}

// Keys of a map are written in order.
func lineOf(labels, annotations map[string]string) string {
	line, err := json.Marshal([]map[string]string{labels, annotations})
	if err != nil {
		return err.Error()
	}
	return string(line)
}
