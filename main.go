// Command sonde is synthetic monitoring that tells the right people: see
// README.md, and `sonde --help`.
package main

import (
	"os"
	_ "time/tzdata" // a system without time zones must not show the wrong time

	"github.com/sondehq/sonde/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }
