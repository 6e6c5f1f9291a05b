// Before anything is painted: pages know that scripts run, and wear the colours chosen earlier.
{
  const root = document.documentElement;
  root.dataset.js = '';
  try {
    const chosen = localStorage.getItem('lihu-theme');
    if (chosen === 'dark' || chosen === 'light') root.dataset.theme = chosen;
  } catch {
    // Storage may be refused; the system's colours hold.
  }
}
