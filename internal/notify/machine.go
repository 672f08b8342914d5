package notify

import (
	"encoding/json"
	"strings"

	"github.com/sondehq/sonde/internal/incident"
	"github.com/sondehq/sonde/internal/monitor"
)

// maxMachine is the size of a machine body in bytes. It stands in a message four
// times, and quoted, and must leave room for the e-mail (SNS: 262,144 bytes in
// all; API reference, Publish).
const maxMachine = 20_000

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
	Sonde                              ours `json:"sonde"`
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

// ours is what Sonde knows and an alarm cannot say.
type ours struct {
	Version       int    `json:"version"` // of this object: 1
	Message       string `json:"message"`
	Notifications []fact `json:"notifications"`
	Omitted       int    `json:"omitted,omitempty"` // notifications for which there was no room
}

// maxReason is the longest reason, in characters (CloudWatch API reference,
// SetAlarmState: StateReason, 1,023).
const maxReason = 1000

// alarmTime is how CloudWatch writes times.
const alarmTime = "2006-01-02T15:04:05.000-0700"

// insufficient is the state of an alarm that neither rings nor is fine: that of a
// notice, so that it wakes nobody.
const insufficient = "INSUFFICIENT_DATA"

// noAccount stands for the AWS account, which no text can know.
const noAccount = "000000000000"

// machine is the body for HTTPS, SQS and Lambda subscribers. An alarm bears the
// name of its incident and no other, so that what opened it is what closes it.
// A digest of alarms has a name of its own: were it that of one incident, the
// end of this one would close the page of the others.
func machine(accounts []account, message string) string {
	a := accounts[0]
	body := describe(a)
	if len(accounts) > 1 {
		body.NewStateReason = cut(summary(accounts)+" "+body.NewStateReason, maxReason, one)
		body.AlarmDescription = digestSubject(accounts)
		if !a.isOver() {
			body.AlarmName = "sonde/digest/" + message
		}
	}
	body.AlarmArn = "arn:aws:sonde:global:" + noAccount + ":alarm:" + body.AlarmName
	var all []incident.Notification
	for _, account := range accounts {
		all = append(append(all, account.earlier...), account.Notification)
	}
	return encode(body, message, all)
}

func describe(a account) alarm {
	value, old := stateAlarm, stateAlarm
	switch a.Event {
	case incident.EventResolved:
		value = stateOK
	case incident.EventOpened:
		old = stateOK
	case incident.EventExpiring:
		value, old = expiry(a)
	case incident.EventRenewed: // of what was told before, this is what must be closed
		value = stateOK
	case incident.EventTest:
		value, old = insufficient, stateOK
	}
	description := headlineOf(a)
	if a.URL != "" {
		description = strings.TrimSuffix(description, "?") + ". " + a.URL
	}
	region := a.Site // shown as a place
	if region == "" {
		region = "Sonde"
	}
	return alarm{
		AlarmName: "sonde/" + a.Incident, AlarmDescription: description, AWSAccountID: noAccount,
		AlarmConfigurationUpdatedTimestamp: a.Opened.UTC().Format(alarmTime),
		NewStateValue:                      value, OldStateValue: old, NewStateReason: cut(clean(verdict(a)), maxReason, one),
		StateChangeTime: a.At.UTC().Format(alarmTime), Region: region,
		OKActions: []string{}, AlarmActions: []string{}, InsufficientDataActions: []string{},
		Trigger: trigger{
			MetricName: "Availability", Namespace: "Sonde", StatisticType: "Statistic", Statistic: "MINIMUM",
			Dimensions: []dimension{{"Service", a.service()}}, Period: 60, EvaluationPeriods: 1, DatapointsToAlarm: 1,
			ComparisonOperator: "LessThanThreshold", Threshold: 1, TreatMissingData: "missing",
		},
	}
}

// expiry is the state of an alarm about an end, and the one before: people are told
// 30 days before, then several times, and from 3 days on it is an alarm. The receipt
// says how many days are left.
func expiry(a account) (value, old string) {
	value = stateAlarm
	if a.Impact == monitor.ImpactMinor {
		value = insufficient
	}
	switch days := strings.TrimPrefix(a.Receipt, "days-"); {
	case days == "30":
		old = stateOK
	case value == insufficient, days == "3":
		old = insufficient
	default:
		old = stateAlarm
	}
	return value, old
}

// encode writes as much as there is room for: everything, or no details, or no
// services and no long texts either, and then fewer and fewer notifications.
func encode(body alarm, message string, all []incident.Notification) string {
	body.Sonde = ours{Version: 1, Message: message, Notifications: make([]fact, len(all))}
	for i, n := range all {
		body.Sonde.Notifications[i] = shown(n)
	}
	for step := 0; ; step++ {
		text, err := json.Marshal(body)
		if err == nil && len(text) <= maxMachine || len(body.Sonde.Notifications) == 0 {
			return string(text)
		}
		if err != nil || step > 1 {
			body.Sonde.Notifications = body.Sonde.Notifications[:len(body.Sonde.Notifications)/2]
			body.Sonde.Omitted = len(all) - len(body.Sonde.Notifications)
			continue
		}
		for i := range body.Sonde.Notifications {
			f := &body.Sonde.Notifications[i]
			if f.inner != nil {
				f.inner.Detail = ""
			}
			if step == 1 {
				f.Services, f.Text = nil, cut(f.Text, maxReason, one)
			}
		}
	}
}
