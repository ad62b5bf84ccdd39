/** The file in a server's data folder that says who may stop changes there, or let them go on: who can read it. */
export const OPERATOR_TOKEN = 'operator-token';
