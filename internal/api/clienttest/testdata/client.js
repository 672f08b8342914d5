// Reads every endpoint with the npm package statuspage.io, in a process of its
// own (the package is under the GPL, and nothing of Sonde links it), and prints
// what it got as JSON.
const {Statuspage} = require('statuspage.io');

async function main(url) {
  const client = new Statuspage('sonde');
  client.setApiUrl(url);
  const {api} = client;
  const out = {};
  for (const [name, read] of Object.entries({
    summary: () => api.getSummary(),
    status: () => api.getStatus(),
    components: () => api.getComponents(),
    incidents: () => api.incidents.getAll(),
    unresolved: () => api.incidents.getUnresolved(),
    maintenances: () => api.scheduledMaintenances.getAll(),
    upcoming: () => api.scheduledMaintenances.getUpcoming(),
    active: () => api.scheduledMaintenances.getActive(),
  })) {
    out[name] = await read();
  }
  console.log(JSON.stringify(out));
}

main(process.argv[2]).catch(error => {
  console.error(error);
  process.exit(1);
});
