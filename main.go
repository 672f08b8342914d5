// Command sonde is synthetic monitoring that tells the right people: see
// README.md, and `sonde --help`.
package main

import (
	"os"

	"github.com/sondehq/sonde/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
