package notify

import (
	"encoding/json"
	"time"

	"github.com/sondehq/sonde/internal/incident"
)

// alarm is the JSON that CloudWatch alarms send, every field of it, since some
// receivers refuse what lacks one (CloudWatch User Guide, "Notify users on
// alarm changes"). Ours stands under one key of its own.
type alarm struct {
	AlarmName                          string
	AlarmDescription                   string
	AWSAccountID                       string `json:"AWSAccountId"`
	AlarmConfigurationUpdatedTimestamp string
	NewStateValue                      string
	NewStateReason                     string
	StateChangeTime                    string
	Region                             string
	AlarmArn                           string
	OldStateValue                      string
	OKActions                          []string
	AlarmActions                       []string
	InsufficientDataActions            []string
	Trigger                            trigger
	Sonde                              []incident.Notification `json:"sonde"`
}

type trigger struct {
	MetricName                       string
	Namespace                        string
	StatisticType                    string
	Statistic                        string
	Unit                             *string
	Dimensions                       []dimension
	Period                           int
	EvaluationPeriods                int
	DatapointsToAlarm                int
	ComparisonOperator               string
	Threshold                        float64
	TreatMissingData                 string
	EvaluateLowSampleCountPercentile string
}

type dimension struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// alarmTime is how CloudWatch writes times.
const alarmTime = "2006-01-02T15:04:05.000-0700"

// machine is the body for HTTPS, SQS and Lambda subscribers. The alarm's name
// holds the incident's id: what opened is what is closed.
func machine(ns []incident.Notification) string {
	n := ns[0]
	state, old := "ALARM", "OK"
	if n.Event == incident.EventResolved {
		state, old = "OK", "ALARM"
	}
	a := alarm{
		AlarmName: "sonde/" + n.Incident, AlarmDescription: clean(n.Title),
		AWSAccountID: "000000000000", AlarmConfigurationUpdatedTimestamp: n.Opened.UTC().Format(alarmTime),
		NewStateValue: state, OldStateValue: old, NewStateReason: clean(n.Text), StateChangeTime: n.At.UTC().Format(alarmTime),
		Region: "Sonde", AlarmArn: "arn:aws:sonde:::incident/" + n.Incident,
		OKActions: []string{}, AlarmActions: []string{}, InsufficientDataActions: []string{},
		Trigger: trigger{
			MetricName: "Availability", Namespace: "Sonde", StatisticType: "Statistic", Statistic: "MINIMUM",
			Dimensions: []dimension{{"Service", serviceID(n)}}, Period: int(time.Minute / time.Second), EvaluationPeriods: 1, DatapointsToAlarm: 1,
			ComparisonOperator: "LessThanThreshold", Threshold: 1, TreatMissingData: "missing",
		},
		Sonde: ns,
	}
	text, err := json.Marshal(a)
	if err != nil {
		return "{}" // no field of it can fail
	}
	return string(text)
}

func serviceID(n incident.Notification) string {
	if len(n.Services) == 0 {
		return ""
	}
	return string(n.Services[0].ID)
}
