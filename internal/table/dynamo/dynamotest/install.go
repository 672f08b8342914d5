package dynamotest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// An installed DynamoDB Local: the jar and, beside it, the folder of all that it
// needs, among it native libraries. (With Maven the jar is in the folder too.)
const (
	jar       = "DynamoDBLocal.jar"
	libFolder = "DynamoDBLocal_lib"
)

// installer is one way to get DynamoDB Local.
type installer struct {
	tool string
	name string // of the folder, with the version
	get  func(dir string) error
}

// installers, the fastest first. Both carry Amazon's own build: npm's package
// version 1.25.1 in 57 MB, within two seconds on a good line, Maven Central
// the newest for Java 17.
var installers = []installer{
	{"npm", "dynamodb-local-npm-" + npmVersion, withNPM},
	{"mvn", "dynamodb-local-" + mavenVersion, withMaven},
}

const (
	npmVersion   = "2.9.30"
	mavenVersion = "2.6.1"
)

// install returns the folder of an installed DynamoDB Local.
func install() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "sonde")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	if dir := installed(cache); dir != "" {
		return dir, nil
	}
	// `go test` runs several packages at once: one of them fetches.
	unlock, err := lock(filepath.Join(cache, "dynamodb-local.lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if dir := installed(cache); dir != "" {
		return dir, nil
	}
	var failed error
	for _, way := range installers {
		if _, err := exec.LookPath(way.tool); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		dir := filepath.Join(cache, way.name)
		if err := fetch(way, dir); err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		return dir, nil
	}
	return "", failed
}

func installed(cache string) string {
	for _, way := range installers {
		dir := filepath.Join(cache, way.name)
		if _, err := os.Stat(dir); err == nil {
			return dir
		}
	}
	return ""
}

// fetch installs into a folder that gets its name only when it is complete.
func fetch(way installer, dir string) error {
	work, err := os.MkdirTemp(filepath.Dir(dir), "installing-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := way.get(work); err != nil {
		return fmt.Errorf("with %s: %w", way.tool, err)
	}
	if _, err := os.Stat(filepath.Join(work, libFolder)); err != nil {
		return fmt.Errorf("with %s: %w", way.tool, err)
	}
	return os.Rename(work, dir)
}

// withNPM unpacks the package amplify-dynamodb-simulator, which carries
// DynamoDB Local as Amazon ships it. npm checks the package's hash.
func withNPM(dir string) error {
	if err := command(dir, "npm", "pack", "--silent", "--no-update-notifier", "amplify-dynamodb-simulator@"+npmVersion); err != nil {
		return err
	}
	archive := "amplify-dynamodb-simulator-" + npmVersion + ".tgz"
	if err := command(dir, "tar", "-xzf", archive, "--strip-components=2", "package/emulator"); err != nil {
		return err
	}
	return os.Remove(filepath.Join(dir, archive))
}

func withMaven(dir string) error {
	const pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>sonde</groupId><artifactId>dynamodb-local</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>com.amazonaws</groupId><artifactId>DynamoDBLocal</artifactId><version>` + mavenVersion + `</version></dependency>
  </dependencies>
</project>
`
	if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(pom), 0o644); err != nil {
		return err
	}
	return command(dir, "mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory="+libFolder)
}

func command(dir, name string, args ...string) error {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, out)
	}
	return nil
}
