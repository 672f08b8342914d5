package cost

// Price is what a unit costs, in US dollars, in us-east-1.
type Price struct {
	What   string  `json:"what"`
	Unit   string  `json:"unit"`
	Dollar float64 `json:"dollar"` // a unit
	Free   float64 `json:"free"`   // units a month that are always free
	Source string  `json:"source"`
}

// AsOf is when the prices were read.
const AsOf = "2026-11"

// The prices, from AWS's public pages.
var (
	lambdaRequests = Price{"Lambda requests", "requests", 0.20 / 1e6, 1e6, "https://aws.amazon.com/lambda/pricing/"}
	lambdaCompute  = Price{"Lambda compute, arm64", "GB-s", 0.0000133334, 400_000, "https://aws.amazon.com/lambda/pricing/"}
	tableWrites    = Price{"DynamoDB writes", "units", 0.625 / 1e6, 0, "https://aws.amazon.com/dynamodb/pricing/on-demand/"}
	tableReads     = Price{"DynamoDB reads", "units", 0.125 / 1e6, 0, "https://aws.amazon.com/dynamodb/pricing/on-demand/"}
	tableStorage   = Price{"DynamoDB storage", "GB-months", 0.25, 25, "https://aws.amazon.com/dynamodb/pricing/on-demand/"}
	queueRequests  = Price{"SQS requests", "requests", 0.40 / 1e6, 1e6, "https://aws.amazon.com/sqs/pricing/"}
	publishes      = Price{"SNS messages", "messages", 0.50 / 1e6, 1e6, "https://aws.amazon.com/sns/pricing/"}
	emails         = Price{"SNS e-mail", "e-mails", 2.00 / 100_000, 1000, "https://aws.amazon.com/sns/pricing/"}
	schedules      = Price{"Scheduler calls", "calls", 1.00 / 1e6, 14e6, "https://aws.amazon.com/eventbridge/pricing/"}
	apiRequests    = Price{"HTTP API", "requests", 1.00 / 1e6, 0, "https://aws.amazon.com/api-gateway/pricing/"}
	logs           = Price{"CloudWatch Logs", "GB", 0.50, 5, "https://aws.amazon.com/cloudwatch/pricing/"}
	metrics        = Price{"CloudWatch metrics", "metrics", 0.30, 10, "https://aws.amazon.com/cloudwatch/pricing/"}
	alarms         = Price{"CloudWatch alarms", "alarms", 0.10, 10, "https://aws.amazon.com/cloudwatch/pricing/"}
	images         = Price{"ECR storage", "GB-months", 0.10, 0, "https://aws.amazon.com/ecr/pricing/"}
	keys           = Price{"KMS key", "keys", 1.00, 0, "https://aws.amazon.com/kms/pricing/"}
	dataOut        = Price{"Data out", "GB", 0.09, 100, "https://aws.amazon.com/ec2/pricing/on-demand/#Data_Transfer"}

	syntheticsRun = Price{"CloudWatch Synthetics", "runs", 0.0012, 100, "https://aws.amazon.com/cloudwatch/pricing/"}
	healthCheck   = Price{"Route 53 health checks", "checks", 0.75, 0, "https://aws.amazon.com/route53/pricing/"}
	healthOption  = Price{"Route 53 options", "options", 2.00, 0, "https://aws.amazon.com/route53/pricing/"}
)
