package functions_test

import (
	"crypto/md5"
	"encoding/hex"
)

// md5Hex is the checksum that SQS gives back for each message.
func md5Hex(text string) string {
	sum := md5.Sum([]byte(text))
	return hex.EncodeToString(sum[:])
}
